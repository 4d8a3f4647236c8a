"""From what a file claims to hold to vectors that can be trusted: float32, finite, [vectors, width], on the CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch

from ...base.errors import FileFormatError
from .limits import MAX_VALUES

FLOAT_DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
}
"""The number formats that vectors may be stored in."""


class StoredTensor(Protocol):
    """A tensor that is still in its file: what it claims to be is known, nothing of it is in memory yet."""

    @property
    def shape(self) -> Sequence[int]: ...
    @property
    def dtype(self) -> str:
        """torch's name of the type, without ``torch.``."""
        ...

    def load(self) -> torch.Tensor:
        """Read it, in the [shape] and type that it claims. Raises FileFormatError where the file holds less than it
        claims."""
        ...


def load_vectors(stored: StoredTensor, *, what: str) -> torch.Tensor:
    """Read a tensor of one or two dimensions as float32 [vectors, width]; one dimension becomes one vector.

    Dimensions of 1 before these are dropped: [1, 1, 768] and [1, n, 768] are embeddings too.

    ``what`` names it in messages. Raises FileFormatError on another type or shape, on more than MAX_VALUES values
    (before reading any), and on values that are not finite.
    """
    shape = tuple(stored.shape)
    if stored.dtype not in FLOAT_DTYPES:
        raise FileFormatError(
            f"{what} is stored as {stored.dtype}; vectors are {', '.join(FLOAT_DTYPES)}. It is not a usable embedding"
        )
    plain = shape[next((at for at, size in enumerate(shape[:-2]) if size != 1), max(0, len(shape) - 2)) :]
    if len(plain) not in (1, 2) or min(plain) < 1:
        raise FileFormatError(f"{what} has the shape {list(shape)[:8]}; [vectors, width] was expected")
    if math.prod(shape) > MAX_VALUES:
        raise FileFormatError(f"{what} claims {math.prod(shape)} values; an embedding has at most {MAX_VALUES}")
    return finite_vectors(stored.load().reshape(plain), what=what)


def finite_vectors(tensor: torch.Tensor, *, what: str) -> torch.Tensor:
    """``tensor`` as a float32 copy of its own, [vectors, width]; raises FileFormatError on NaN and infinity."""
    rows = torch.atleast_2d(tensor.detach()).to(device="cpu", dtype=torch.float32, copy=True).contiguous()
    bad = (~torch.isfinite(rows)).any(dim=1).nonzero().flatten().tolist()
    if bad:
        first = ", ".join(str(row + 1) for row in bad[:5])
        raise FileFormatError(
            f"{what}: vector {first}{' …' if len(bad) > 5 else ''} holds NaN or infinity, so it was spoilt in training. "
            "Use an earlier copy"
        )
    return rows
