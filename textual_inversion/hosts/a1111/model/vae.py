"""The loaded VAE: pictures to the posterior of their latents, latents to pictures with a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from modules import devices, lowvram
from torch import Tensor

from ....core.base.errors import InputError
from ....core.model.host import LatentMoments
from ...parking import Parking
from ...rng import forked

FACTOR = 8


class Vae:
    """``scale`` is the model's scale factor: what the U-Net reads is the VAE's output times this."""

    def __init__(self, model: Any) -> None:
        self._vae = model.first_stage_model
        self._scale = float(model.scale_factor)
        self._moves_itself = lowvram.is_enabled(model)
        self._parking = Parking(self._vae, devices.device)
        self._wanted_away = False

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> LatentMoments:
        """[B, 3, H, W] in [-1, 1]. In the web UI's precision; in float32 where that gives no finite numbers."""
        if pixels.dim() != 4 or pixels.shape[1] != 3 or pixels.shape[2] % FACTOR or pixels.shape[3] % FACTOR:
            raise InputError(
                f"Pictures of shape {list(pixels.shape)} cannot be encoded; [B, 3, height, width] with sides that are "
                f"multiples of {FACTOR} was expected."
            )
        moments = self._moments(pixels, devices.dtype_vae)
        if devices.dtype_vae != torch.float32 and not bool(moments.isfinite().all()):
            moments = self._moments(pixels, torch.float32)
        mean, log_variance = moments.float().chunk(2, dim=1)
        std = (0.5 * log_variance.clamp(-30.0, 20.0)).exp()  # as LDM's DiagonalGaussianDistribution
        return LatentMoments(mean=mean * self._scale, std=std * self._scale)

    def decode(self, latents: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, 3, 8h, 8w]; the web UI's own ``decode_first_stage`` gives no gradient."""
        with self.here(), devices.without_autocast():
            return self._vae.decode((latents / self._scale).to(devices.device, devices.dtype_vae)).float()

    def park(self) -> None:
        """Free the card of it; a no-op on a CPU."""
        self._wanted_away = True
        if self._moves_itself:  # with --medvram it would stay until another part is called, whose hook is off now
            lowvram.send_everything_to_cpu()
        else:
            self._parking.park()

    def unpark(self) -> None:
        self._wanted_away = False
        self._parking.unpark()

    @contextmanager
    def here(self) -> Iterator[None]:
        """Inside it is on the card; afterwards parked again if it was, unless a backward pass needs it there."""
        away = self._wanted_away
        self.unpark()
        yield
        if away and not torch.is_grad_enabled():
            self.park()

    def _moments(self, pixels: Tensor, dtype: torch.dtype) -> Tensor:
        """Mean and log variance [B, 2C, h, w].

        SGM's ``encode`` returns a sample of them and LDM's a distribution, so they are read where both make them.
        """
        read: list[Tensor] = []
        handle = self._vae.quant_conv.register_forward_hook(lambda _module, _inputs, output: read.append(output))
        try:
            with self.here(), self._as(dtype), devices.without_autocast(), forked():
                self._vae.encode(pixels.to(devices.device, dtype))
        finally:
            handle.remove()
        return read[0]

    @contextmanager
    def _as(self, dtype: torch.dtype) -> Iterator[None]:
        """float16 and back loses nothing."""
        before = devices.dtype_vae
        if dtype != before:
            self._vae.to(dtype)
        try:
            yield
        finally:
            if dtype != before:
                self._vae.to(before)
