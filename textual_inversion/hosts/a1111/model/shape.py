"""The loaded model's shape, for the estimate of memory."""

from __future__ import annotations

from typing import Any

from modules import devices

from ....core.model.shape import ModelShape
from ...ldm_shape import ldm_shape


def shape_of(model: Any) -> ModelShape:
    return ldm_shape(
        unet=model.model.diffusion_model,
        vae=model.first_stage_model,
        text=model.conditioner if hasattr(model, "conditioner") else model.cond_stage_model,
        device=devices.device,
        unet_dtype=devices.dtype_unet,
        vae_dtype=devices.dtype_vae,
    )
