"""The pictures as latents: encoded once, kept on the CPU, sampled at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch

from ..base.errors import InputError
from ..base.randomness import generator
from ..dataset.decode import DecodedPicture, decoded
from ..dataset.items import DatasetItem, problems_sentence
from ..model.host import LatentMoments, Lease
from ..settings.pictures import LatentSampling
from ..settings.train_config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class CachedPicture:
    """The posterior of one picture, each [C, h, w], and its loss weights [h, w] or None; ``item`` tells which it is."""

    item: DatasetItem
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

    @property
    def items(self) -> Sequence[DatasetItem]:
        """The pictures in their order, as they were when they were encoded."""
        return [picture.item for picture in self._pictures]

    def batch(self, indices: Sequence[int], *, step: int, micro: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Latents [B, C, h, w] and weights [B, 1, h, w] (None when no picture has any) for one micro-batch.

        Sampling as in A1111: ``deterministic`` the posterior's mean, ``once`` one sample a picture kept for the whole
        run, ``random`` a new sample each time.
        """
        latents = [self._sample(index, step=step, micro=micro, slot=slot) for slot, index in enumerate(indices)]
        return torch.stack(latents), self._weights(indices)

    def means(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As ``batch``, without any chance: the posterior's means [B, C, h, w]."""
        return torch.stack([self._pictures[index].mean for index in indices]), self._weights(indices)

    def _sample(self, index: int, *, step: int, micro: int, slot: int) -> torch.Tensor:
        """Latents [C, h, w] of one picture."""
        picture = self._pictures[index]
        if self._sampling == "deterministic":
            return picture.mean
        if self._sampling == "once":
            source = generator(self._seed, "posterior-once", index)
        else:
            source = generator(self._seed, "posterior", step, micro, slot)
        return picture.mean + picture.std * torch.randn(picture.mean.shape, generator=source)

    def _weights(self, indices: Sequence[int]) -> torch.Tensor | None:
        """Weights [B, 1, h, w], ones for pictures without; None where no picture has any."""
        chosen = [self._pictures[index] for index in indices]
        if all(picture.weights is None for picture in chosen):
            return None
        ones = torch.ones(chosen[0].mean.shape[1:])
        return torch.stack([ones if picture.weights is None else picture.weights for picture in chosen]).unsqueeze(1)


def encode_pictures(
    lease: Lease,
    items: Sequence[DatasetItem],
    settings: TrainConfig,
    *,
    progress: Callable[[int], None],
    keep: Callable[[DecodedPicture], None] | None = None,
) -> LatentCache:
    """Decode and encode every picture once, one at a time (the VAE's activations are the largest of all), then park the VAE.

    ``progress`` is told how many are done, ``keep`` gets each decoded picture in its turn. Raises one InputError with the
    problems of all pictures and masks; and InputError naming the picture whose latents are not finite.
    """
    cached: list[CachedPicture] = []
    problems: list[str] = []
    with closing(decoded(items, settings)) as pictures:
        for picture in pictures:
            if isinstance(picture, InputError):
                problems.append(picture.message)
            elif not problems:  # else only what else is wrong is looked for
                moments = _encode(lease, picture.pixels(), label=str(picture.item.path))
                cached.append(
                    CachedPicture(item=picture.item, mean=moments.mean, std=moments.std, weights=picture.weights)
                )
                if keep is not None:
                    keep(picture)
                progress(len(cached))
    lease.park_vae()
    if problems:
        raise InputError(problems_sentence(problems, total=len({item.path for item in items})), field="data")
    return LatentCache(cached, sampling=settings.latent_sampling, seed=settings.seed)


def _encode(lease: Lease, pixels: torch.Tensor, *, label: str) -> LatentMoments:
    """Mean and deviation [C, h, w] of ``pixels`` [3, H, W], float32 on the CPU. Raises InputError where they are not
    finite."""
    moments = lease.encode_images(pixels.unsqueeze(0).to(lease.device))
    mean, std = moments.mean[0].float().cpu(), moments.std[0].float().cpu()
    if not bool(mean.isfinite().all()) or not bool(std.isfinite().all()):
        raise InputError(
            f"The VAE gives no finite latents for {label}. Some VAEs overflow in half precision: choose precision float32.",
            field="precision",
        )
    return LatentMoments(mean=mean, std=std)
