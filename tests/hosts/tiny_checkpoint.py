"""A whole Stable Diffusion 1 checkpoint in miniature: fixed random weights, the same on every machine.

U-Net, VAE and noise schedule under the names that LDM gives them, with the text encoder of `tiny_text_encoder.py`, and
the LDM `.yaml` that tells its sizes. Real SD 1 files carry `position_ids` and the schedule's buffers too, so this one does.
`reference/a1111_model.npz` was computed with it by A1111 1.10.1.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_text_encoder import POSITIONS, WIDTH, text_encoder_weights, uniform, write_text_encoder_folder
from torch import Tensor

REFERENCE = Path(__file__).with_name("reference")

YAML = """\
model:
  base_learning_rate: 1.0e-04
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
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
        num_heads: 4
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
      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder
      params:
        version: {text_encoder}
"""


def write_tiny_checkpoint(folder: Path) -> Path:
    """Writes `tiny.safetensors`, `tiny.yaml` and the folder `tiny-clip`; returns the path of the first."""
    text_encoder = folder / "tiny-clip"
    write_text_encoder_folder(text_encoder)
    (folder / "tiny.yaml").write_text(
        YAML.format(width=WIDTH, text_encoder=json.dumps(str(text_encoder.resolve()))), encoding="utf-8"
    )
    path = folder / "tiny.safetensors"
    save_file(checkpoint_weights(), path)
    return path


@cache
def checkpoint_weights() -> dict[str, Tensor]:
    """Every tensor of the file by its name, float32 (`position_ids` int64)."""
    shapes: dict[str, list[int]] = json.loads((REFERENCE / "tiny_checkpoint_shapes.json").read_text())
    weights = {name: _weight(name, shape) for name, shape in shapes.items()}
    prefix = "cond_stage_model.transformer."
    weights.update({prefix + name: weight for name, weight in text_encoder_weights().items()})
    weights[f"{prefix}text_model.embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    betas = torch.linspace(0.00085**0.5, 0.0120**0.5, 1000, dtype=torch.float64) ** 2
    weights["betas"] = betas.float()
    weights["alphas_cumprod"] = (1 - betas).cumprod(0).float()
    return weights


def _weight(name: str, shape: list[int]) -> Tensor:
    if name.endswith(".bias"):
        return uniform(name, *shape, std=0.1)
    if len(shape) == 1:
        return uniform(name, *shape, std=0.2, mean=1.0)
    inputs = torch.Size(shape[1:]).numel()
    return uniform(name, *shape, std=inputs**-0.5)


def probe(name: str, *shape: int, std: float = 1.0) -> Tensor:
    """The inputs of the reference values: latents, noise and pixels, decided by their name and shape."""
    return uniform(f"probe {name}", *shape, std=std)
