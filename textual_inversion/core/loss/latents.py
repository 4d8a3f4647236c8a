"""The pictures as latents: encoded once, kept on the CPU, sampled at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..base.errors import InputError
from ..base.randomness import generator
from ..dataset.load import DatasetItem
from ..model.host import LatentMoments, Lease
from ..settings.pictures import LatentSampling


@dataclass(frozen=True, kw_only=True)
class CachedPicture:
    """The posterior of one picture, each [C, h, w], and its loss weights [h, w] or None."""

    mean: torch.Tensor
    std: torch.Tensor
    weights: torch.Tensor | None


class LatentCache:
    """Latents and loss weights by picture index."""

    def __init__(self, pictures: Sequence[CachedPicture], *, sampling: LatentSampling, seed: int) -> None:
        self._pictures = pictures
        self._sampling = sampling
        self._seed = seed

    def __len__(self) -> int:
        return len(self._pictures)

    def batch(self, indices: Sequence[int], *, step: int, micro: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Latents [B, C, h, w] and weights [B, 1, h, w] (None when no picture has any) for one micro-batch.

        Sampling as in A1111: ``deterministic`` the posterior's mean, ``once`` one sample a picture kept for the whole
        run, ``random`` a new sample each time.
        """
        latents = [self._sample(index, step=step, micro=micro, slot=slot) for slot, index in enumerate(indices)]
        return torch.stack(latents), self._weights(indices)

    def means(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As ``batch``, without any chance: the posterior's means."""
        return torch.stack([self._pictures[index].mean for index in indices]), self._weights(indices)

    def _sample(self, index: int, *, step: int, micro: int, slot: int) -> torch.Tensor:
        picture = self._pictures[index]
        if self._sampling == "deterministic":
            return picture.mean
        if self._sampling == "once":
            source = generator(self._seed, "posterior-once", index)
        else:
            source = generator(self._seed, "posterior", step, micro, slot)
        return picture.mean + picture.std * torch.randn(picture.mean.shape, generator=source)

    def _weights(self, indices: Sequence[int]) -> torch.Tensor | None:
        chosen = [self._pictures[index] for index in indices]
        if all(picture.weights is None for picture in chosen):
            return None
        ones = torch.ones(chosen[0].mean.shape[1:])
        return torch.stack([ones if picture.weights is None else picture.weights for picture in chosen]).unsqueeze(1)


def encode_pictures(
    lease: Lease, items: Sequence[DatasetItem], *, sampling: LatentSampling, seed: int, progress: Callable[[int], None]
) -> LatentCache:
    """Encode every picture once, one at a time (the VAE's activations are the largest of all), then park the VAE.

    Raises InputError naming the picture whose latents are not finite, or whose file has changed.
    """
    cached: list[CachedPicture] = []
    for item in items:
        moments = _encode(lease, item.pixels(), label=str(item.path))
        cached.append(CachedPicture(mean=moments.mean, std=moments.std, weights=item.weights))
        progress(len(cached))
    lease.park_vae()
    return LatentCache(cached, sampling=sampling, seed=seed)


def _encode(lease: Lease, pixels: torch.Tensor, *, label: str) -> LatentMoments:
    moments = lease.encode_images(pixels.unsqueeze(0).to(lease.device))
    mean, std = moments.mean[0].float().cpu(), moments.std[0].float().cpu()
    if not bool(mean.isfinite().all()) or not bool(std.isfinite().all()):
        raise InputError(
            f"The VAE gives no finite latents for {label}. Some VAEs overflow in half precision: choose precision float32.",
            field="precision",
        )
    return LatentMoments(mean=mean, std=std)
