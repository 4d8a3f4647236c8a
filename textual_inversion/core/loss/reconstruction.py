"""The reconstruction loss: the predicted clean picture, decoded, against the picture itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F

from ..model.host import Lease, NoiseSchedule
from .noise import clean_latents


class PictureSource(Protocol):
    """Source of the pictures' own pixels."""

    def __call__(self, indices: Sequence[int]) -> torch.Tensor:
        """float32 [B, 3, H, W] in [-1, 1] on the CPU."""
        ...


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """``weight * |x - decode(z0)|`` (DreamArtist, equation 6; L1, the mean over all values), z0 from the prediction.

    Where a picture has loss weights, they count here too.
    """

    lease: Lease
    schedule: NoiseSchedule
    pictures: PictureSource
    weight: float

    def __call__(
        self,
        prediction: torch.Tensor,
        *,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        indices: Sequence[int],
        weight: torch.Tensor | None,
    ) -> torch.Tensor:
        """The loss of each picture, [B]; ``weight`` is a map [B, 1, h, w] with mean 1, or None."""
        alpha_bar = self.schedule.alphas_cumprod[timesteps.cpu()]
        latents = clean_latents(noisy, prediction, alpha_bar, prediction_type=self.schedule.prediction_type)
        decoded = self.lease.decode_latents(latents)
        decoded = decoded.to(torch.promote_types(decoded.dtype, torch.float32))
        each = (decoded - self.pictures(indices).to(decoded)).abs()
        if weight is not None:
            each = each * F.interpolate(weight.to(each), size=each.shape[-2:], mode="nearest")
        return self.weight * each.mean(dim=(1, 2, 3))
