"""A short number for what a picture looks like: of pictures that look alike it differs in a few bits only."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

BITS = 64
_SIDE, _KEPT = 32, 8
_FLAT = 2.0
"""Standard deviation in greys below which a picture shows next to nothing, so that its hash would be noise."""


def perceptual_hash(image: Image.Image) -> int | None:
    """64 bits: which of the 8 x 8 lowest frequencies of the greys (DCT of 32 x 32) are above their median.

    The well-known "pHash" (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"). None for a
    picture of one plain colour.
    """
    grey = np.asarray(image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.float64)
    if grey.std() < _FLAT:
        return None
    table = _cosines()
    low = (table @ grey @ table.T).ravel()
    bits = low[1:] > np.median(low[1:])  # the first is the brightness
    return int.from_bytes(np.packbits(np.concatenate([[False], bits])).tobytes(), "big")


def distance(first: int, second: int) -> int:
    """In how many bits two hashes differ."""
    return (first ^ second).bit_count()


class Seen:
    """The hashes of the pictures so far."""

    def __init__(self, *, distance: int) -> None:
        self._distance = distance
        self._hashes = np.zeros(64, dtype=np.uint64)
        self._names: list[str] = []

    def alike(self, value: int | None) -> str | None:
        """The name of the first picture that looks like this one, if any."""
        if value is None or not self._names:
            return None
        different = self._hashes[: len(self._names)] ^ np.uint64(value)
        bits = np.unpackbits(different.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1)
        near = np.flatnonzero(bits <= self._distance)
        return self._names[int(near[0])] if len(near) else None

    def add(self, value: int | None, name: str) -> None:
        if value is None:
            return
        if len(self._names) == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
        self._hashes[len(self._names)] = value
        self._names.append(name)


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """The first eight rows of the DCT-II of length 32."""
    places = (2 * np.arange(_SIDE) + 1) * np.pi / (2 * _SIDE)
    return np.cos(np.arange(_KEPT)[:, None] * places[None, :])
