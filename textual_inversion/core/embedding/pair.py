"""The two halves of a pair in one mapping, so that everything that moves, averages and saves vectors sees one embedding.

The positive half keeps the encoders' keys (``clip_l``), the negative half's begin with ``negative:`` (``negative:clip_l``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from ..base.errors import InputError

_PREFIX = "negative:"
NEGATIVE_ENDING = "-neg"


def negative_name(name: str) -> str:
    """Name the negative half of a pair; DreamArtist's rule."""
    return f"{name}{NEGATIVE_ENDING}"


def pair_name(name: str) -> str:
    """The name of the pair that an embedding is the negative half of, by its name; else the name itself."""
    return name.removesuffix(NEGATIVE_ENDING) or name


def negative_path(path: Path) -> Path:
    """Name the file of the negative half of the pair whose positive half is ``path``."""
    return path.with_name(f"{negative_name(path.stem)}{path.suffix}")


def join_halves(positive: Mapping[str, torch.Tensor], negative: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Both halves, each [vectors, width] by encoder, in one mapping."""
    return {**positive, **{f"{_PREFIX}{key}": rows for key, rows in negative.items()}}


def positive_half(vectors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The vectors [vectors, width] that stand in the prompt, by encoder; all of them where there is no pair."""
    return {key: rows for key, rows in vectors.items() if not is_negative(key)}


def negative_half(vectors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The vectors [vectors, width] that stand in the negative prompt, by encoder; empty where there is no pair."""
    return {encoder_of(key): rows for key, rows in vectors.items() if is_negative(key)}


def is_negative(key: str) -> bool:
    return key.startswith(_PREFIX)


def encoder_of(key: str) -> str:
    """The encoder that a key of either half belongs to."""
    return key.removeprefix(_PREFIX)


def check_pair_name(name: str) -> str:
    """Raises InputError for a name that would be taken for the negative half of another pair."""
    if name.endswith(NEGATIVE_ENDING):
        raise InputError(
            f"{name!r} ends with {NEGATIVE_ENDING}, which is how the negative half of a pair is called. Give the name of the pair "
            f"without it: {name.removesuffix(NEGATIVE_ENDING)}.",
            field="name",
        )
    return name
