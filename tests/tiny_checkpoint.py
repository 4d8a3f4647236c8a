"""Whole Stable Diffusion 1 and 2 checkpoints in miniature: fixed random weights, the same on every machine.

U-Net, VAE and noise schedule under the names that LDM gives them, with the text encoders of `tiny_text_encoder.py`, and
the LDM `.yaml` that tells the sizes. Real SD 1 files carry `position_ids` and the schedule's buffers too, so these do.
The one of SD 2 predicts v. `hosts/reference/a1111_model*.npz` were computed with them by A1111 1.10.1.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from tiny_text_encoder import (
    POSITIONS,
    SD2_WIDTH,
    WIDTH,
    open_clip_weights,
    text_encoder_weights,
    uniform,
    write_text_encoder_folder,
)
from torch import Tensor

Family = Literal["sd1", "sd2"]
REFERENCE = Path(__file__).parent / "hosts" / "reference"

YAML = """\
model:
  base_learning_rate: 1.0e-04
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    parameterization: {prediction}
    linear_start: 0.00085
    linear_end: 0.0120
    num_timesteps_cond: 1
    log_every_t: 200
    timesteps: 1000
    first_stage_key: jpg
    cond_stage_key: txt
    image_size: 8
    channels: 4
    cond_stage_trainable: false
    conditioning_key: crossattn
    monitor: val/loss_simple_ema
    scale_factor: 0.25
    use_ema: false
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params:
        image_size: 32
        in_channels: 4
        out_channels: 4
        model_channels: 32
        attention_resolutions: [1, 2]
        num_res_blocks: 1
        channel_mult: [1, 2, 2]
        {heads}
        use_spatial_transformer: true
        transformer_depth: 1
        context_dim: {width}
        use_checkpoint: false
        legacy: false
    first_stage_config:
      target: ldm.models.autoencoder.AutoencoderKL
      params:
        embed_dim: 4
        monitor: val/rec_loss
        ddconfig:
          double_z: true
          z_channels: 4
          resolution: 256
          in_channels: 3
          out_ch: 3
          ch: 32
          ch_mult: [1, 1, 2, 2]
          num_res_blocks: 1
          attn_resolutions: []
          dropout: 0.0
        lossconfig:
          target: torch.nn.Identity
    cond_stage_config:
      {text_encoder}
"""
OPEN_CLIP = """\
target: ldm.modules.encoders.modules.FrozenOpenCLIPEmbedder
      params:
        freeze: true
        layer: penultimate
"""
CLIP = """\
target: ldm.modules.encoders.modules.FrozenCLIPEmbedder
      params:
        version: {folder}
"""


def write_tiny_checkpoint(folder: Path, family: Family = "sd1") -> Path:
    """Writes `tiny-sd1.safetensors` and `.yaml` and the folder `tiny-clip` (SD 1 only); returns the path of the first."""
    path = folder / f"tiny-{family}.safetensors"
    path.with_suffix(".yaml").write_text(_yaml_sd1(folder) if family == "sd1" else _yaml_sd2(), encoding="utf-8")
    save_file(checkpoint_weights(family), path)
    return path


def _yaml_sd1(folder: Path) -> str:
    write_text_encoder_folder(folder / "tiny-clip")
    text_encoder = CLIP.format(folder=json.dumps(str((folder / "tiny-clip").resolve())))
    return YAML.format(prediction="eps", heads="num_heads: 4", width=WIDTH, text_encoder=text_encoder)


def _yaml_sd2() -> str:
    heads = "num_head_channels: 16\n        use_linear_in_transformer: true"
    return YAML.format(prediction="v", heads=heads, width=SD2_WIDTH, text_encoder=OPEN_CLIP)


@cache
def checkpoint_weights(family: Family = "sd1") -> dict[str, Tensor]:
    """Every tensor of the file by its name, float32 (`position_ids` int64)."""
    shapes: dict[str, list[int]] = json.loads((REFERENCE / "tiny_checkpoint_shapes.json").read_text())
    if family == "sd2":
        shapes = {name: _shape_in_sd2(name, shape) for name, shape in shapes.items()}
    weights = {name: uniform_weight(name, shape) for name, shape in shapes.items()}
    weights.update(_text_encoder(family))
    betas = torch.linspace(0.00085**0.5, 0.0120**0.5, 1000, dtype=torch.float64) ** 2
    weights["betas"] = betas.float()
    weights["alphas_cumprod"] = (1 - betas).cumprod(0).float()
    return weights


def _text_encoder(family: Family) -> dict[str, Tensor]:
    if family == "sd2":
        return {f"cond_stage_model.model.{name}": weight for name, weight in open_clip_weights().items()}
    prefix = "cond_stage_model.transformer."
    weights = {prefix + name: weight for name, weight in text_encoder_weights().items()}
    return {**weights, f"{prefix}text_model.embeddings.position_ids": torch.arange(POSITIONS)[None]}


def _shape_in_sd2(name: str, shape: list[int]) -> list[int]:
    """SD 2 has linear layers around its transformers, where SD 1 has 1x1 convolutions, and a wider context."""
    if name.endswith((".proj_in.weight", ".proj_out.weight")) and name.startswith("model."):
        return shape[:2]
    if name.endswith((".attn2.to_k.weight", ".attn2.to_v.weight")):
        return [shape[0], SD2_WIDTH]
    return shape


def uniform_weight(name: str, shape: list[int]) -> Tensor:
    """A bias, the gain of a norm, or the weight of a layer, by its name and shape."""
    if name.endswith(".bias"):
        return uniform(name, *shape, std=0.1)
    if len(shape) == 1:
        return uniform(name, *shape, std=0.2, mean=1.0)
    inputs = torch.Size(shape[1:]).numel()
    return uniform(name, *shape, std=inputs**-0.5)


def probe(name: str, *shape: int, std: float = 1.0) -> Tensor:
    """The inputs of the reference values: latents, noise and pixels, decided by their name and shape."""
    return uniform(f"probe {name}", *shape, std=std)
