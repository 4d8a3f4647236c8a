"""The VAE of such a model: pictures to the posterior of their latents, latents to pictures with a gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...core.base.errors import InputError
from ...core.model.host import LatentMoments
from .parts import Parts

FACTOR = 8


class Vae:
    """``scale`` is what the U-Net reads over what the VAE gives."""

    def __init__(self, objects: Any, parts: Parts, *, scale: float) -> None:
        vae = objects.vae
        self._vae, self._device, self._dtype = vae.first_stage_model, vae.device, vae.vae_dtype
        self._parts, self._scale = parts, scale

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> LatentMoments:
        """[B, 3, H, W] in [-1, 1]. In the web UI's precision; in float32 where that gives no finite numbers."""
        if pixels.dim() != 4 or pixels.shape[1] != 3 or pixels.shape[2] % FACTOR or pixels.shape[3] % FACTOR:
            raise InputError(
                f"Pictures of shape {list(pixels.shape)} cannot be encoded; [B, 3, height, width] with sides that are "
                f"multiples of {FACTOR} was expected."
            )
        self._parts.need("vae", alone=True)
        moments = self._moments(pixels, self._dtype)
        if self._dtype != torch.float32 and not bool(moments.isfinite().all()):
            moments = self._moments_in_float32(pixels)
        mean, log_variance = moments.float().chunk(2, dim=1)
        std = (0.5 * log_variance.clamp(-30.0, 20.0)).exp()  # as LDM's DiagonalGaussianDistribution
        return LatentMoments(mean=mean * self._scale, std=std * self._scale)

    def decode(self, latents: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, 3, 8h, 8w]; the web UI's own ``decode`` gives no gradient."""
        self._parts.need("vae")
        return self._vae.decode((latents / self._scale).to(self._device, self._dtype)).float()

    def _moments(self, pixels: Tensor, dtype: torch.dtype) -> Tensor:
        """Mean and log variance [B, 2C, h, w]: what the web UI's ``encode`` draws its sample from."""
        return self._vae.quant_conv(self._vae.encoder(pixels.to(self._device, dtype)))

    def _moments_in_float32(self, pixels: Tensor) -> Tensor:
        """float16 and back loses nothing."""
        self._vae.to(torch.float32)
        try:
            return self._moments(pixels, torch.float32)
        finally:
            self._vae.to(self._dtype)
