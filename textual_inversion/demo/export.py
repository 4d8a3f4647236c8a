"""The trained networks as one SD-1-layout file with its LDM `.yaml` and text-encoder folder.

What a web UI or this project's standalone host loads: weights in float16 under LDM's names, schedule buffers in float32
as SD 1's files carry them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from torch import nn

from ..hosts.standalone.checkpoint.ldm_keys import (
    CLIP_POSITION_IDS,
    TEXT_PREFIX,
    UNET_PREFIX,
    VAE_PREFIX,
    Table,
    UnetShape,
    VaeShape,
    clip_text_keys,
    squeezed_keys,
    unet_keys,
    vae_keys,
)
from .emphasis import with_context_mean
from .models import CONTEXT, LINEAR_END, LINEAR_START, TIMESTEPS, DemoShape, alphas_cumprod, text_config
from .state import save_atomic
from .word_length import with_word_length

NAME = "demo"
TEXT_FOLDER = "demo-text-encoder"


def export_checkpoint(
    folder: Path, *, vae: nn.Module, unet: nn.Module, text: nn.Module, shape: DemoShape, scale_factor: float
) -> Path:
    """Writes `demo.safetensors`, `demo.yaml` and the text encoder's `config.json` into `folder`; returns the first.

    `text` must have the whole CLIP vocabulary. The yaml names the text-encoder folder relative to itself.
    """
    weights = with_word_length(with_context_mean(named_weights(vae=vae, unet=unet, text=text, shape=shape)))
    tensors = weights | schedule_buffers()
    tensors[TEXT_PREFIX + CLIP_POSITION_IDS] = torch.arange(CONTEXT)[None]
    encoder = folder / TEXT_FOLDER
    encoder.mkdir(parents=True, exist_ok=True)
    _write(encoder / "config.json", json.dumps(text_encoder_config(shape), indent=2) + "\n")
    _write(folder / f"{NAME}.yaml", ldm_yaml(shape, scale_factor, TEXT_FOLDER))
    path = folder / f"{NAME}.safetensors"
    save_atomic(path, tensors, {"format": "pt"})
    return path


def named_weights(*, vae: nn.Module, unet: nn.Module, text: nn.Module, shape: DemoShape) -> dict[str, torch.Tensor]:
    """Every weight by its LDM name, float16."""
    weights = text.state_dict()
    prefix = "text_model." if any(name.startswith("text_model.") for name in weights) else ""
    named: dict[str, torch.Tensor] = {}
    networks: list[tuple[nn.Module, str, Table]] = [
        (unet, UNET_PREFIX, unet_keys(unet_shape(shape))),
        (vae, VAE_PREFIX, vae_keys(VaeShape(channels=(shape.vae_channels,) * 4, blocks=1))),
        (text, TEXT_PREFIX, clip_text_keys(shape.text_layers, library_prefix=prefix)),
    ]
    for network, start, table in networks:
        weights = network.state_dict()
        named |= {start + ldm: weights[library].detach().half() for ldm, library in table.items()}
    for ldm in squeezed_keys():
        named[VAE_PREFIX + ldm] = named[VAE_PREFIX + ldm][:, :, None, None]
    return named


def unet_shape(shape: DemoShape) -> UnetShape:
    """Read the sizes that the names of the U-Net depend on."""
    depths = tuple(int(level < shape.attention_levels) for level in range(len(shape.unet_channels)))
    return UnetShape(channels=shape.unet_channels, blocks=shape.unet_blocks, depths=depths)


def schedule_buffers() -> dict[str, torch.Tensor]:
    """The (1000,) float32 buffers of LDM's DDPM class, by its names (`register_schedule`, CompVis ddpm.py)."""
    cumprod = alphas_cumprod()
    previous = torch.cat([torch.ones(1, dtype=torch.float64), cumprod[:-1]])
    betas = 1.0 - cumprod / previous
    variance = betas * (1.0 - previous) / (1.0 - cumprod)
    buffers = {
        "betas": betas,
        "alphas_cumprod": cumprod,
        "alphas_cumprod_prev": previous,
        "sqrt_alphas_cumprod": cumprod.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1.0 - cumprod).sqrt(),
        "log_one_minus_alphas_cumprod": (1.0 - cumprod).log(),
        "sqrt_recip_alphas_cumprod": (1.0 / cumprod).sqrt(),
        "sqrt_recipm1_alphas_cumprod": (1.0 / cumprod - 1.0).sqrt(),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": variance.clamp(min=1e-20).log(),
        "posterior_mean_coef1": betas * previous.sqrt() / (1.0 - cumprod),
        "posterior_mean_coef2": (1.0 - previous) * (1.0 - betas).sqrt() / (1.0 - cumprod),
    }
    return {name: value.float() for name, value in buffers.items()}


def text_encoder_config(shape: DemoShape) -> dict[str, object]:
    """The `config.json` that transformers and A1111 read the text encoder's sizes from."""
    config = text_config(shape)
    keys = (
        *("vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers"),
        *("num_attention_heads", "max_position_embeddings", "hidden_act", "layer_norm_eps"),
        *("bos_token_id", "eos_token_id", "pad_token_id"),
    )
    kinds: dict[str, object] = {"model_type": "clip_text_model", "architectures": ["CLIPTextModel"]}
    return kinds | {key: getattr(config, key) for key in keys}


def ldm_yaml(shape: DemoShape, scale_factor: float, text_encoder: str) -> str:
    """The LDM config; `text_encoder` is what `cond_stage_config.params.version` shall say."""
    base = shape.unet_channels[0]
    if any(width % base for width in shape.unet_channels):
        raise ValueError(f"LDM's U-Net cannot have channels {shape.unet_channels}: not multiples of the first")
    return _YAML.format(
        linear_start=LINEAR_START,
        linear_end=LINEAR_END,
        timesteps=TIMESTEPS,
        scale_factor=round(scale_factor, 6),
        model_channels=base,
        channel_mult=[width // base for width in shape.unet_channels],
        attention=[2**level for level in range(shape.attention_levels)],
        blocks=shape.unet_blocks,
        head_channels=shape.head_channels,
        width=shape.text_width,
        vae_channels=shape.vae_channels,
        text_encoder=json.dumps(text_encoder),
    )


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


_YAML = """\
model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    linear_start: {linear_start}
    linear_end: {linear_end}
    num_timesteps_cond: 1
    log_every_t: 200
    timesteps: {timesteps}
    first_stage_key: jpg
    cond_stage_key: txt
    image_size: 8
    channels: 4
    cond_stage_trainable: false
    conditioning_key: crossattn
    monitor: val/loss_simple_ema
    scale_factor: {scale_factor}
    use_ema: false
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params:
        image_size: 8
        in_channels: 4
        out_channels: 4
        model_channels: {model_channels}
        attention_resolutions: {attention}
        num_res_blocks: {blocks}
        channel_mult: {channel_mult}
        num_head_channels: {head_channels}
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
          resolution: 64
          in_channels: 3
          out_ch: 3
          ch: {vae_channels}
          ch_mult: [1, 1, 1, 1]
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
