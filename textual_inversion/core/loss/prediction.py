"""The model's prediction for a batch under its prompts; for a pair the guided one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from ..base.errors import InputError
from ..embedding.names import mention_of
from ..model.host import Conditioning, Lease
from .prompts import TrainingPrompt


class Predictor(Protocol):
    """Vectors and prompts to what the U-Net says, with a gradient with respect to the vectors."""

    def __call__(
        self,
        vectors: Mapping[str, torch.Tensor],
        *,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        prompts: Sequence[TrainingPrompt],
        size: tuple[int, int],
    ) -> torch.Tensor:
        """``noisy`` [B, C, h, w] and ``timesteps`` [B] on the lease's device; ``size`` is width and height in pixels."""
        ...


@dataclass(frozen=True, kw_only=True)
class PlainPrediction:
    """Prediction of the U-Net under the prompt alone: textual inversion."""

    lease: Lease
    name: str

    def __call__(
        self,
        vectors: Mapping[str, torch.Tensor],
        *,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        prompts: Sequence[TrainingPrompt],
        size: tuple[int, int],
    ) -> torch.Tensor:
        """The prediction [B, C, h, w] under the prompts, as ``Predictor``."""
        texts = [prompt.text for prompt in prompts]
        width, height = size
        conditioning = self.lease.encode_prompts(texts, embeddings={self.name: vectors}, width=width, height=height)
        check_inserted(self.name, texts, conditioning.inserted, rows=row_count(vectors))
        return self.lease.predict(noisy, timesteps, conditioning)


def row_count(vectors: Mapping[str, torch.Tensor]) -> int:
    """The number of vectors in [vectors, width], the same for every encoder."""
    return next(iter(vectors.values())).shape[0]


def part_of(conditioning: Conditioning, places: slice) -> Conditioning:
    """The conditioning of some of its prompts."""
    return Conditioning(
        context=conditioning.context[places],
        vector=None if conditioning.vector is None else conditioning.vector[places],
        inserted=conditioning.inserted[places],
    )


def check_inserted(name: str, prompts: Sequence[str], inserted: Sequence[int], *, rows: int) -> None:
    """Every prompt that names the embedding must have received whole copies of its rows, or training would do nothing."""
    for prompt, count in zip(prompts, inserted, strict=True):
        if count % rows or (count == 0 and mention_of(name).search(prompt)):
            raise InputError(
                f"The prompt {prompt!r} names {name!r}, but {count} of its {rows} vectors went in. "
                "Another embedding or a longer name may be in the way: choose a name that is not part of other words.",
                field="name",
            )
