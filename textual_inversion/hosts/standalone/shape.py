"""A loaded model's shape, for the estimate of memory."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ...core.model.shape import ModelShape, TextShape, unet_blocks
from .checkpoint.layout import TextLayout
from .loading import LoadedModel


def shape_of(model: LoadedModel) -> ModelShape:
    """Block by block, and the bytes of its weights as they are."""
    layout, networks = model.layout, model.networks
    shape = layout.unet.shape
    return ModelShape(
        unet=unet_blocks(
            channels=shape.channels, blocks=shape.blocks, depths=shape.depths, middle_depth=shape.middle_depth
        ),
        text=[_text(text) for text in layout.text.values()],
        vae_channels=layout.vae.shape.channels,
        weights={
            "unet": bytes_of([networks.unet]),
            "vae": bytes_of([networks.vae]),
            "text": bytes_of(tower.model for tower in networks.text.values()),
        },
        device=str(model.device),
        latent_channels=layout.vae.latent_channels,
        factor=layout.vae.factor,
        activation_bytes=model.unet_dtype.itemsize,
        vae_bytes=next(networks.vae.parameters()).element_size(),
    )


def bytes_of(modules: Iterable[nn.Module]) -> int:
    """All weights of the modules."""
    return sum(weight.nbytes for module in modules for weight in module.parameters())


def _text(layout: TextLayout) -> TextShape:
    return TextShape(layers=layout.layers, width=layout.width, inner_width=layout.inner_width, tokens=layout.positions)
