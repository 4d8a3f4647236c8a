"""Input of an inpainting U-Net besides the latents, when all of the picture is to be drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from .vae import Vae


class NothingKept:
    """A mask of ones, and the latents of a grey picture, remembered by their size.

    As A1111's ``txt2img_image_conditioning``, with the mean of the posterior in place of a sample.
    """

    def __init__(self, vae: Vae) -> None:
        self._vae = vae
        self._grey: dict[tuple[int, int], Tensor] = {}

    @torch.no_grad()
    def beside(self, noisy: Tensor) -> Tensor:
        """[B, 1 + C, h, w] for latents [B, C, h, w]."""
        batch, _, height, width = noisy.shape
        if (height, width) not in self._grey:
            factor = self._vae.factor
            latents = self._vae.encode(torch.zeros(1, 3, height * factor, width * factor)).mean
            self._grey[height, width] = torch.cat([torch.ones_like(latents[:, :1]), latents], dim=1)
        return self._grey[height, width].expand(batch, -1, -1, -1)
