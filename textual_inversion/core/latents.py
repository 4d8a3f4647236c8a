"""The pictures as latents: encoded once, kept on the CPU, sampled at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch

from .config import LatentSampling
from .errors import InputError
from .host import LatentMoments, Lease
from .randomness import generator


@dataclass(frozen=True, kw_only=True)
class PictureTensors:
    """One picture ready for the model: pixels [3, H, W] in [-1, 1], and its loss weights [h, w] (H / 8) or None."""

    pixels: torch.Tensor
    weight: torch.Tensor | None
    label: str


@dataclass(frozen=True, kw_only=True)
class _Cached:
    """Moments of the picture as it is and, where mirroring is on, mirrored: each [C, h, w]."""

    turns: tuple[LatentMoments, ...]
    weights: tuple[torch.Tensor, ...] | None


class LatentCache:
    """Latents and loss weights by picture index."""

    def __init__(self, pictures: Sequence[_Cached], *, sampling: LatentSampling, seed: int) -> None:
        self._pictures = pictures
        self._sampling = sampling
        self._seed = seed

    def __len__(self) -> int:
        return len(self._pictures)

    def batch(self, indices: Sequence[int], *, step: int, micro: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Latents [B, C, h, w] and weights [B, 1, h, w] (None when no picture has any) for one micro-batch.

        Sampling as in A1111: ``deterministic`` the posterior's mean, ``once`` one sample a picture kept for the whole
        run, ``random`` a new sample each time. Mirrored or not is drawn first.
        """
        mirror = torch.rand(len(indices), generator=generator(self._seed, "mirror", step, micro))
        turns = [int(mirror[i] < 0.5) if len(self._pictures[index].turns) > 1 else 0 for i, index in enumerate(indices)]
        noises = self._noises(indices, turns, step=step, micro=micro)
        chosen = [self._pictures[index].turns[turn] for index, turn in zip(indices, turns, strict=True)]
        latents = [m.mean if e is None else m.mean + m.std * e for m, e in zip(chosen, noises, strict=True)]
        return torch.stack(latents), self._weights(indices, turns)

    def means(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As ``batch``, without any chance: the means, never mirrored."""
        latents = [self._pictures[index].turns[0].mean for index in indices]
        return torch.stack(latents), self._weights(indices, [0] * len(indices))

    def _noises(
        self, indices: Sequence[int], turns: Sequence[int], *, step: int, micro: int
    ) -> list[torch.Tensor | None]:
        if self._sampling == "deterministic":
            return [None] * len(indices)
        shapes = [self._pictures[index].turns[0].mean.shape for index in indices]
        if self._sampling == "once":
            sources = [generator(self._seed, "posterior-once", i, turn) for i, turn in zip(indices, turns, strict=True)]
        else:
            sources = [generator(self._seed, "posterior", step, micro, slot) for slot in range(len(indices))]
        return [torch.randn(shape, generator=source) for shape, source in zip(shapes, sources, strict=True)]

    def _weights(self, indices: Sequence[int], turns: Sequence[int]) -> torch.Tensor | None:
        if all(self._pictures[index].weights is None for index in indices):
            return None
        maps: list[torch.Tensor] = []
        for index, turn in zip(indices, turns, strict=True):
            weights = self._pictures[index].weights
            maps.append(torch.ones(self._pictures[index].turns[0].mean.shape[1:]) if weights is None else weights[turn])
        return torch.stack(maps).unsqueeze(1)


def encode_pictures(
    lease: Lease,
    pictures: Iterable[PictureTensors],
    *,
    sampling: LatentSampling,
    mirror: bool,
    seed: int,
    progress: Callable[[int], None],
) -> LatentCache:
    """Encode every picture once, one at a time (the VAE's activations are the largest of all), then park the VAE.

    Raises InputError naming the picture whose latents are not finite.
    """
    cached: list[_Cached] = []
    for picture in pictures:
        turns = [picture.pixels, picture.pixels.flip(-1)] if mirror else [picture.pixels]
        moments = tuple(_encode(lease, pixels, picture.label) for pixels in turns)
        weights = (
            None
            if picture.weight is None
            else tuple(picture.weight.flip(-1) if i else picture.weight for i in range(len(turns)))
        )
        cached.append(_Cached(turns=moments, weights=weights))
        progress(len(cached))
    lease.park_vae()
    return LatentCache(cached, sampling=sampling, seed=seed)


def _encode(lease: Lease, pixels: torch.Tensor, label: str) -> LatentMoments:
    moments = lease.encode_images(pixels.unsqueeze(0).to(lease.device))
    mean, std = moments.mean[0].float().cpu(), moments.std[0].float().cpu()
    if not bool(mean.isfinite().all()) or not bool(std.isfinite().all()):
        raise InputError(
            f"The VAE gives no finite latents for {label}. Some VAEs overflow in half precision: choose precision float32.",
            field="precision",
        )
    return LatentMoments(mean=mean, std=std)
