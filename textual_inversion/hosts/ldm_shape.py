"""Sizes of a model of LDM's build, of whatever web UI: for the estimate of memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from ..core.model.shape import ModelShape, TextShape, UNetBlock

_ENCODER_LAYERS = ("CLIPEncoderLayer", "ResidualAttentionBlock")


def ldm_shape(
    *, unet: Any, vae: Any, text: nn.Module, device: torch.device, unet_dtype: torch.dtype, vae_dtype: torch.dtype
) -> ModelShape:
    """Block by block, and the bytes of its weights wherever they are at the moment."""
    return ModelShape(
        unet=tuple(_blocks(unet)),
        text=list(_text(text)),
        vae_channels=[
            vae.encoder.conv_in.out_channels,
            *(level.block[0].out_channels for level in vae.encoder.down[1:]),
        ],
        weights={"unet": _bytes(unet), "vae": _bytes(vae), "text": _bytes(text)},
        device=str(device),
        activation_bytes=unet_dtype.itemsize,
        vae_bytes=vae_dtype.itemsize,
    )


def _blocks(unet: Any) -> Iterator[UNetBlock]:
    level = 0
    for stage in (*unet.input_blocks, unet.middle_block, *unet.output_blocks):
        for part in stage:
            kind = type(part).__name__
            if kind == "ResBlock":
                yield UNetBlock("residual", level, part.channels, part.out_channels)
            elif kind == "SpatialTransformer":
                yield UNetBlock("transformer", level, part.in_channels, part.in_channels, len(part.transformer_blocks))
            elif kind == "Downsample":
                yield UNetBlock("down", level, part.channels, part.out_channels)
                level += 1
            elif kind == "Upsample":
                level -= 1
                yield UNetBlock("up", level, part.channels, part.out_channels)


def _text(conditioner: nn.Module) -> Iterator[TextShape]:
    """One for each encoder: its layers are of one size."""
    for part in conditioner.modules():
        layers = [child for child in part.children() if type(child).__name__ in _ENCODER_LAYERS]
        if layers:
            widths = [matrix.shape for matrix in layers[0].parameters() if matrix.dim() == 2]
            yield TextShape(
                layers=len(layers),
                width=min(into for _, into in widths),
                inner_width=max(out for out, _ in widths),
            )


def _bytes(module: nn.Module) -> int:
    return sum(weight.nbytes for weight in module.parameters())
