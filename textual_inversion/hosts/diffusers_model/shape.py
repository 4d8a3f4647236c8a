"""The shape of a model made of diffusers' parts, for the estimate of memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn

from ...core.model.shape import ModelShape, TextShape, UNetBlock, unet_blocks


def shape_of(
    *, unet: UNet2DConditionModel, vae: AutoencoderKL, text: Sequence[nn.Module], device: torch.device
) -> ModelShape:
    """Block by block, and the bytes of its weights as they are. ``text`` are transformers' CLIP text encoders."""
    return ModelShape(
        unet=_unet(unet.config),
        text=[_text(encoder.config) for encoder in text],
        vae_channels=tuple(vae.config.block_out_channels),
        weights={"unet": bytes_of([unet]), "vae": bytes_of([vae]), "text": bytes_of(text)},
        device=str(device),
        latent_channels=vae.config.latent_channels,
        factor=2 ** (len(vae.config.block_out_channels) - 1),
        activation_bytes=unet.dtype.itemsize,
        vae_bytes=vae.dtype.itemsize,
    )


def bytes_of(modules: Iterable[nn.Module]) -> int:
    """All weights of the modules."""
    return sum(weight.nbytes for module in modules for weight in module.parameters())


def _unet(config: Any) -> tuple[UNetBlock, ...]:
    channels = tuple(config.block_out_channels)
    layers = config.transformer_layers_per_block
    depths = list(layers) if isinstance(layers, (list, tuple)) else [layers] * len(channels)
    attends = ["CrossAttn" in kind for kind in config.down_block_types]
    blocks = config.layers_per_block
    return unet_blocks(
        channels=channels,
        blocks=blocks if isinstance(blocks, int) else blocks[0],
        depths=[depth if attention else 0 for depth, attention in zip(depths, attends, strict=True)],
        middle_depth=depths[-1],  # diffusers gives the middle the depth of the last level
    )


def _text(config: Any) -> TextShape:
    return TextShape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        inner_width=config.intermediate_size,
        tokens=config.max_position_embeddings,
    )
