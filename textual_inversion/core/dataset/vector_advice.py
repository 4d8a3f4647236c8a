"""Advice on the number of vectors, from the number of pictures."""

from __future__ import annotations

_ADVICE = ((10, (2, 3)), (39, (5, 6)), (60, (8, 10)), (100, (10, 12)))
_MORE = (12, 16)


def advised_vectors(pictures: int) -> tuple[int, int]:
    """Fewest and most vectors for so many pictures (1 or more), as the usual guides to A1111's trainer give them."""
    return next((vectors for most, vectors in _ADVICE if pictures <= most), _MORE)


def advice_on_vectors(pictures: int) -> str:
    """The same as a sentence."""
    low, high = advised_vectors(pictures)
    return f"{pictures} picture{'s' if pictures != 1 else ''}: {low} to {high} vectors are advised."
