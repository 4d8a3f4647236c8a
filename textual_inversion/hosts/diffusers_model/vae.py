"""A VAE of diffusers while it is lent: pictures to the posterior of their latents, latents to pictures with a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ...core.base.errors import InputError
from ...core.model.host import LatentMoments
from ...core.model.vae_attention import VaeAttention, recorded
from ..parking import Parking


class Vae:
    """``scale`` is the model's scale factor: what the U-Net reads is the VAE's output times this."""

    def __init__(self, vae: AutoencoderKL, *, scale: float, device: torch.device) -> None:
        self._vae = vae
        self._scale = scale
        self._device = device
        self._parking = Parking(vae, device)

    @property
    def factor(self) -> int:
        """Pixels along a side for each value of the latents."""
        return 2 ** (len(self._vae.config.block_out_channels) - 1)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> LatentMoments:
        """[B, 3, H, W] in [-1, 1]. In the VAE's own precision; in float32 where that gives no finite numbers.

        Raises InputError for sides that are no multiples of the factor.
        """
        factor = self.factor
        if pixels.dim() != 4 or pixels.shape[1] != 3 or pixels.shape[2] % factor or pixels.shape[3] % factor:
            raise InputError(
                f"Pictures of shape {list(pixels.shape)} cannot be encoded; [B, 3, height, width] with sides that are "
                f"multiples of {factor} was expected."
            )
        with self.here():
            moments = self._moments(pixels)
            if self._vae.dtype in (torch.float16, torch.bfloat16) and not bool(moments.mean.isfinite().all()):
                with self._in_float32():
                    moments = self._moments(pixels)
        return moments

    def _moments(self, pixels: Tensor) -> LatentMoments:
        posterior = self._vae.encode(pixels.to(self._device, self._vae.dtype)).latent_dist
        mean, std = self._at_least_float32(posterior.mean), self._at_least_float32(posterior.std)
        return LatentMoments(mean=mean * self._scale, std=std * self._scale)

    def _at_least_float32(self, tensor: Tensor) -> Tensor:
        """A VAE in float64 keeps it: gradients are checked so."""
        return tensor.to(torch.promote_types(self._vae.dtype, torch.float32))

    @torch.no_grad()
    def attention(self, pixels: Tensor) -> VaeAttention:
        """Record the self-attention in the middle of the encoder for a picture [1, 3, H, W] in [-1, 1]."""
        layer = self._vae.encoder.mid_block.attentions[0]
        with recorded(layer.to_q, layer.to_k) as seen:
            self.encode(pixels)
        return seen.attention

    def decode(self, latents: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, 3, 8h, 8w] in [-1, 1]; differentiable with respect to the latents."""
        with self.here():
            scaled = latents.to(self._device, self._vae.dtype) / self._scale
            return self._at_least_float32(self._vae.decode(scaled, return_dict=False)[0])

    def park(self) -> None:
        self._parking.park()

    def unpark(self) -> None:
        self._parking.unpark()

    @contextmanager
    def here(self) -> Iterator[None]:
        """Inside it is on its device; parked again afterwards where it was, unless a backward pass needs it there."""
        away = self._parking.parked
        self.unpark()
        yield
        if away and not torch.is_grad_enabled():
            self.park()

    @contextmanager
    def _in_float32(self) -> Iterator[None]:
        """Half precision and back loses nothing."""
        before = self._vae.dtype
        self._vae.to(torch.float32)
        try:
            yield
        finally:
            self._vae.to(before)
