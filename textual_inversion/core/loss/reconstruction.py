"""The reconstruction loss: the predicted clean picture, decoded, against the picture itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F

from ..base.errors import InputError
from ..dataset.decode import DecodedPicture, decode
from ..dataset.items import DatasetItem
from ..model.host import Lease, NoiseSchedule
from ..settings.train_config import TrainConfig
from .noise import clean_latents

_MOST_BYTES = 2**29
"""Of decoded pictures: 680 of 512 pixels, 170 of 1024. Pairs are made for one to a few."""


class PictureSource(Protocol):
    """Source of the pictures' own pixels."""

    def __call__(self, indices: Sequence[int]) -> torch.Tensor:
        """float32 [B, 3, H, W] in [-1, 1] on the CPU."""
        ...


class PixelCache:
    """The pixels of training pictures in 8 bits, kept as they are encoded: as many as ``most_bytes`` hold.

    The others are decoded again whenever they are drawn.
    """

    def __init__(self, settings: TrainConfig, *, most_bytes: int = _MOST_BYTES) -> None:
        self._settings = settings
        self._left = most_bytes
        self._items: list[DatasetItem] = []
        self._pictures: dict[int, DecodedPicture] = {}

    def keep(self, picture: DecodedPicture) -> None:
        """Take in the next picture, in the order of their indices."""
        if picture.values.nbytes <= self._left:
            self._left -= picture.values.nbytes
            self._pictures[len(self._items)] = picture
        self._items.append(picture.item)

    def __call__(self, indices: Sequence[int]) -> torch.Tensor:
        """float32 [B, 3, H, W] in [-1, 1]. Raises InputError where a file that has to be decoded again has changed."""
        return torch.stack([self._pixels(index) for index in indices])

    def _pixels(self, index: int) -> torch.Tensor:
        """float32 [3, H, W] in [-1, 1]."""
        if index in self._pictures:
            return self._pictures[index].pixels()
        item = self._items[index]
        picture = decode(item, self._settings)
        if picture.item.source_size != item.source_size:
            raise InputError(f"{item.path} has changed since training began.", field="data")
        return picture.pixels()


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
