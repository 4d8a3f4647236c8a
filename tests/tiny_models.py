"""Whole Stable Diffusion checkpoints in miniature, for every test that needs a model: seeded, built in a second.

    path = make_tiny_checkpoint(tmp_path / "tiny.safetensors", family="sd2", prediction="v_prediction")

writes the file in SD layout, its LDM `.yaml` beside it, and for SD 1.x the text encoder's folder that the yaml names.
The U-Net has 32 and 64 channels on two levels, the VAE makes 8 pixels of a latent, the vocabulary is CLIP's own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from textual_inversion.core.model.host import ModelFamily, PredictionType

CONTEXT_WIDTHS: dict[ModelFamily, int] = {"sd1": 64, "sd2": 64, "sdxl": 32 + 64}
VOCABULARY = 49408
POSITIONS = 77
LAYERS = 2
LABELS = 64 + 6 * 256

_UNET, _VAE, _TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model."


def make_tiny_checkpoint(
    path: Path,
    *,
    family: ModelFamily = "sd1",
    prediction: PredictionType = "epsilon",
    inpainting: bool = False,
    config: bool = True,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write a checkpoint of random weights and return `path`. Without `config` nothing is written beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.to(dtype).contiguous() for name, tensor in tiny_tensors(family, inpainting, seed).items()}, path
    )
    if config:
        folder = path.with_name(f"{path.stem}-text-encoder")
        if family == "sd1":
            folder.mkdir(exist_ok=True)
            (folder / "config.json").write_text(json.dumps(_clip_config(CONTEXT_WIDTHS["sd1"])), encoding="utf-8")
        values = tiny_config(family, prediction=prediction, inpainting=inpainting, text_encoder=folder.name)
        path.with_suffix(".yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def tiny_tensors(family: ModelFamily, inpainting: bool, seed: int) -> dict[str, Tensor]:
    """Every tensor by its name in the file, float32."""
    draw = _Draw(seed)
    _unet(draw, channels=9 if inpainting else 4, family=family)
    _vae(draw)
    if family == "sd1":
        _clip(draw, f"{_TEXT}transformer.text_model.", CONTEXT_WIDTHS["sd1"])
    elif family == "sd2":
        _open_clip(draw, f"{_TEXT}model.", CONTEXT_WIDTHS["sd2"])
    else:
        _clip(draw, "conditioner.embedders.0.transformer.text_model.", 32)
        _open_clip(draw, "conditioner.embedders.1.model.", 64)
    return draw.tensors


class _Draw:
    """Draws weights that keep a signal's size, under names with a prefix."""

    def __init__(self, seed: int) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._generator = torch.Generator().manual_seed(seed)

    def normal(self, name: str, *shape: int, std: float) -> None:
        self.tensors[name] = torch.randn(shape, generator=self._generator) * std

    def linear(self, name: str, outputs: int, inputs: int, *, bias: bool = True) -> None:
        self.normal(f"{name}.weight", outputs, inputs, std=inputs**-0.5)
        if bias:
            self.normal(f"{name}.bias", outputs, std=0.02)

    def conv(self, name: str, outputs: int, inputs: int, size: int) -> None:
        self.normal(f"{name}.weight", outputs, inputs, size, size, std=(inputs * size * size) ** -0.5)
        self.normal(f"{name}.bias", outputs, std=0.02)

    def norm(self, name: str, width: int) -> None:
        self.normal(f"{name}.weight", width, std=0.1)
        self.tensors[f"{name}.weight"] += 1
        self.normal(f"{name}.bias", width, std=0.02)


def _unet(draw: _Draw, *, channels: int, family: ModelFamily) -> None:
    """32 channels with attention, 64 without; one block each."""
    context, linear = CONTEXT_WIDTHS[family], family != "sd1"
    draw.linear(f"{_UNET}time_embed.0", 128, 32)
    draw.linear(f"{_UNET}time_embed.2", 128, 128)
    if family == "sdxl":
        draw.linear(f"{_UNET}label_emb.0.0", 128, LABELS)
        draw.linear(f"{_UNET}label_emb.0.2", 128, 128)
    draw.conv(f"{_UNET}input_blocks.0.0", 32, channels, 3)
    _resnet(draw, "input_blocks.1.0", 32, 32)
    _transformer(draw, "input_blocks.1.1", 32, context, linear)
    draw.conv(f"{_UNET}input_blocks.2.0.op", 32, 32, 3)
    _resnet(draw, "input_blocks.3.0", 32, 64)
    _resnet(draw, "middle_block.0", 64, 64)
    _transformer(draw, "middle_block.1", 64, context, linear)
    _resnet(draw, "middle_block.2", 64, 64)
    _resnet(draw, "output_blocks.0.0", 128, 64)
    _resnet(draw, "output_blocks.1.0", 96, 64)
    draw.conv(f"{_UNET}output_blocks.1.1.conv", 64, 64, 3)
    for number, before in ((2, 96), (3, 64)):
        _resnet(draw, f"output_blocks.{number}.0", before, 32)
        _transformer(draw, f"output_blocks.{number}.1", 32, context, linear)
    draw.norm(f"{_UNET}out.0", 32)
    draw.conv(f"{_UNET}out.2", 4, 32, 3)


def _resnet(draw: _Draw, name: str, before: int, width: int) -> None:
    name = _UNET + name
    draw.norm(f"{name}.in_layers.0", before)
    draw.conv(f"{name}.in_layers.2", width, before, 3)
    draw.linear(f"{name}.emb_layers.1", width, 128)
    draw.norm(f"{name}.out_layers.0", width)
    draw.conv(f"{name}.out_layers.3", width, width, 3)
    if before != width:
        draw.conv(f"{name}.skip_connection", width, before, 1)


def _transformer(draw: _Draw, name: str, width: int, context: int, linear: bool) -> None:
    name, block = _UNET + name, f"{_UNET}{name}.transformer_blocks.0"
    draw.norm(f"{name}.norm", width)
    for end in ("proj_in", "proj_out"):
        draw.linear(f"{name}.{end}", width, width) if linear else draw.conv(f"{name}.{end}", width, width, 1)
    for attention, inputs in (("attn1", width), ("attn2", context)):
        draw.linear(f"{block}.{attention}.to_q", width, width, bias=False)
        draw.linear(f"{block}.{attention}.to_k", width, inputs, bias=False)
        draw.linear(f"{block}.{attention}.to_v", width, inputs, bias=False)
        draw.linear(f"{block}.{attention}.to_out.0", width, width)
    draw.linear(f"{block}.ff.net.0.proj", 8 * width, width)
    draw.linear(f"{block}.ff.net.2", width, 4 * width)
    for number in (1, 2, 3):
        draw.norm(f"{block}.norm{number}", width)


def _vae(draw: _Draw, *, width: int = 32, levels: int = 4) -> None:
    encoder, decoder = f"{_VAE}encoder.", f"{_VAE}decoder."
    draw.conv(f"{encoder}conv_in", width, 3, 3)
    draw.conv(f"{decoder}conv_in", width, 4, 3)
    for level in range(levels):
        _vae_resnet(draw, f"{encoder}down.{level}.block.0", width)
        for block in (0, 1):
            _vae_resnet(draw, f"{decoder}up.{level}.block.{block}", width)
        if level + 1 < levels:
            draw.conv(f"{encoder}down.{level}.downsample.conv", width, width, 3)
        if level > 0:
            draw.conv(f"{decoder}up.{level}.upsample.conv", width, width, 3)
    for half, outputs in ((encoder, 8), (decoder, 3)):
        for block in (1, 2):
            _vae_resnet(draw, f"{half}mid.block_{block}", width)
        draw.norm(f"{half}mid.attn_1.norm", width)
        for part in ("q", "k", "v", "proj_out"):
            draw.conv(f"{half}mid.attn_1.{part}", width, width, 1)
        draw.norm(f"{half}norm_out", width)
        draw.conv(f"{half}conv_out", outputs, width, 3)
    draw.conv(f"{_VAE}quant_conv", 8, 8, 1)
    draw.conv(f"{_VAE}post_quant_conv", 4, 4, 1)


def _vae_resnet(draw: _Draw, name: str, width: int) -> None:
    for part in (1, 2):
        draw.norm(f"{name}.norm{part}", width)
        draw.conv(f"{name}.conv{part}", width, width, 3)


def _clip(draw: _Draw, prefix: str, width: int) -> None:
    draw.normal(f"{prefix}embeddings.token_embedding.weight", VOCABULARY, width, std=0.5)
    draw.normal(f"{prefix}embeddings.position_embedding.weight", POSITIONS, width, std=0.2)
    draw.tensors[f"{prefix}embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    for layer in range(LAYERS):
        name = f"{prefix}encoder.layers.{layer}"
        for part in "qkv":
            draw.linear(f"{name}.self_attn.{part}_proj", width, width)
        draw.linear(f"{name}.self_attn.out_proj", width, width)
        draw.linear(f"{name}.mlp.fc1", 4 * width, width)
        draw.linear(f"{name}.mlp.fc2", width, 4 * width)
        draw.norm(f"{name}.layer_norm1", width)
        draw.norm(f"{name}.layer_norm2", width)
    draw.norm(f"{prefix}final_layer_norm", width)


def _open_clip(draw: _Draw, prefix: str, width: int) -> None:
    draw.normal(f"{prefix}token_embedding.weight", VOCABULARY, width, std=0.5)
    draw.normal(f"{prefix}positional_embedding", POSITIONS, width, std=0.2)
    draw.normal(f"{prefix}text_projection", width, width, std=width**-0.5)
    draw.tensors[f"{prefix}logit_scale"] = torch.tensor(4.6)
    for layer in range(LAYERS):
        name = f"{prefix}transformer.resblocks.{layer}"
        draw.normal(f"{name}.attn.in_proj_weight", 3 * width, width, std=width**-0.5)
        draw.normal(f"{name}.attn.in_proj_bias", 3 * width, std=0.02)
        draw.linear(f"{name}.attn.out_proj", width, width)
        draw.linear(f"{name}.mlp.c_fc", 4 * width, width)
        draw.linear(f"{name}.mlp.c_proj", width, 4 * width)
        draw.norm(f"{name}.ln_1", width)
        draw.norm(f"{name}.ln_2", width)
    draw.norm(f"{prefix}ln_final", width)


def _clip_config(width: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "intermediate_size": 4 * width,
        "max_position_embeddings": POSITIONS,
        "vocab_size": VOCABULARY,
        "hidden_act": "quick_gelu",
    }


def tiny_config(
    family: ModelFamily, *, prediction: PredictionType, inpainting: bool, text_encoder: str
) -> dict[str, Any]:
    """The values of the `.yaml`, in LDM's form (SD 1.x, SD 2.x) or sgm's (SDXL)."""
    unet = {
        "in_channels": 9 if inpainting else 4,
        "out_channels": 4,
        "model_channels": 32,
        "attention_resolutions": [1],
        "num_res_blocks": 1,
        "channel_mult": [1, 2],
        "use_spatial_transformer": True,
        "transformer_depth": 1,
        "context_dim": CONTEXT_WIDTHS[family],
        "use_linear_in_transformer": family != "sd1",
        **({"num_heads": 4} if family == "sd1" else {"num_head_channels": 16}),
        **({"adm_in_channels": LABELS, "num_classes": "sequential"} if family == "sdxl" else {}),
    }
    sizes = {
        "double_z": True,
        "z_channels": 4,
        "resolution": 64,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 32,
        "ch_mult": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    params: dict[str, Any] = {
        "scale_factor": 0.25,
        "first_stage_config": {"target": "ldm.AutoencoderKL", "params": {"embed_dim": 4, "ddconfig": sizes}},
    }
    if family == "sdxl":
        scaling = "sgm.VScaling" if prediction == "v_prediction" else "sgm.EpsScaling"
        params["network_config"] = {"target": "sgm.UNetModel", "params": unet}
        params["denoiser_config"] = {"params": {"scaling_config": {"target": scaling}}}
        return {"model": {"target": "sgm.DiffusionEngine", "params": params}}
    params |= {
        "linear_start": 0.00085,
        "linear_end": 0.0120,
        "timesteps": 1000,
        "image_size": 8,
        "parameterization": "v" if prediction == "v_prediction" else "eps",
        "unet_config": {"target": "ldm.UNetModel", "params": unet},
    }
    encoder = {"version": text_encoder} if family == "sd1" else {"freeze": True, "layer": "penultimate"}
    params["cond_stage_config"] = {"target": "ldm.TextEncoder", "params": encoder}
    return {"model": {"target": "ldm.LatentDiffusion", "params": params}}
