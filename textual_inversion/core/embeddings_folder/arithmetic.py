"""New embeddings out of old ones: scaled, joined, averaged, shortened. Nothing is trained and no model is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch

from ..base.errors import InputError
from ..embedding.embedding import Embedding, Vectors
from ..settings.creation import MAX_VECTORS

Shortening = Literal["first", "mean"]


def scaled(embedding: Embedding, factor: float) -> Embedding:
    """All vectors times ``factor``: longer ones are heard more in a prompt. Raises InputError for 0, as for no number."""
    if not 0 < abs(factor) < 1e6:
        raise InputError(f"The factor is {factor:g}; choose a number other than 0, such as 0.8 or 1.2.", field="factor")
    return _new([embedding], lambda key: embedding.vectors[key] * factor)


def joined(embeddings: Sequence[Embedding]) -> Embedding:
    """The vectors of all, one after the other, as if the names stood side by side in a prompt."""
    _check_alike(embeddings)
    count = sum(embedding.count for embedding in embeddings)
    if count > MAX_VECTORS:
        raise InputError(
            f"Together these have {count} vectors, and a prompt has room for {MAX_VECTORS}. Shorten them, or choose fewer.",
            field="files",
        )
    return _new(embeddings, lambda key: torch.cat([embedding.vectors[key] for embedding in embeddings]))


def averaged(embeddings: Sequence[Embedding], weights: Sequence[float] = ()) -> Embedding:
    """Vector by vector the mean, weighted where ``weights`` are given (their sum counts for nothing)."""
    _check_alike(embeddings)
    shares = list(weights) or [1.0] * len(embeddings)
    if len(shares) != len(embeddings):
        raise InputError(
            f"{len(embeddings)} embeddings were chosen, and {len(shares)} weights given. Give one for each, or none.",
            field="weights",
        )
    total = sum(shares)
    if abs(total) < 1e-6:
        raise InputError("The weights add up to 0. Choose others, such as 2 and 1.", field="weights")
    counts = sorted({embedding.count for embedding in embeddings})
    if len(counts) > 1:
        raise InputError(
            f"These have {' and '.join(map(str, counts))} vectors; only equal numbers can be averaged. Shorten the longer "
            "ones first, or join them.",
            field="files",
        )
    pairs = list(zip(embeddings, shares, strict=True))
    return _new(
        embeddings, lambda key: torch.stack([each.vectors[key] * share for each, share in pairs]).sum(0) / total
    )


def shortened(embedding: Embedding, count: int, how: Shortening = "first") -> Embedding:
    """``count`` vectors: the first ones, or the means of as many groups of neighbours of about equal size."""
    if not 1 <= count < embedding.count:
        raise InputError(
            f"It has {embedding.count} vector{'' if embedding.count == 1 else 's'}; choose fewer than that, and at least 1.",
            field="count",
        )
    if how == "first":
        return _new([embedding], lambda key: embedding.vectors[key][:count])
    return _new(
        [embedding],
        lambda key: torch.stack([part.mean(dim=0) for part in torch.tensor_split(embedding.vectors[key], count)]),
    )


def _check_alike(embeddings: Sequence[Embedding]) -> None:
    """Raises InputError unless there are two or more, all for one kind of model."""
    if len(embeddings) < 2:
        raise InputError("Choose two embeddings or more.", field="files")
    kinds = {tuple(sorted(_widths(embedding).items())) for embedding in embeddings}
    if len(kinds) > 1:
        found = "; ".join(f"{each.name or 'one'}: {_shown(_widths(each))}" for each in embeddings)
        raise InputError(
            f"These embeddings are for different kinds of model ({found}; 768: SD 1.x, 1024: SD 2.x, 768 + 1280: SDXL). "
            "Only those of one kind can be put together.",
            field="files",
        )


def _widths(embedding: Embedding) -> dict[str, int]:
    return {key: rows.shape[1] for key, rows in embedding.vectors.items()}


def _shown(widths: dict[str, int]) -> str:
    return " + ".join(str(width) for width in widths.values())


def _new(sources: Sequence[Embedding], make: Callable[[str], torch.Tensor]) -> Embedding:
    """An embedding of what ``make`` gives for each encoder, [vectors, width]. Of no step; the checkpoint is named
    where all sources agree on it."""
    vectors: Vectors = {key: make(key).contiguous().clone() for key in sources[0].vectors}
    hashes = {source.checkpoint_hash for source in sources}
    names = {source.checkpoint_name for source in sources}
    return Embedding(
        vectors=vectors,
        checkpoint_hash=hashes.pop() if len(hashes) == 1 else None,
        checkpoint_name=names.pop() if len(names) == 1 else None,
    )
