"""The loaded engine's shape, for the estimate of memory."""

from __future__ import annotations

from typing import Any

from ....core.model.shape import ModelShape
from ...ldm_shape import ldm_shape
from .engine import text_of, unet_of, vae_of


def shape_of(engine: Any) -> ModelShape:
    objects = engine.forge_objects_original
    return ldm_shape(
        unet=unet_of(engine),
        vae=vae_of(engine),
        text=text_of(engine),
        device=objects.unet.load_device,
        unet_dtype=objects.unet.model.computation_dtype,
        vae_dtype=objects.vae.vae_dtype,
    )
