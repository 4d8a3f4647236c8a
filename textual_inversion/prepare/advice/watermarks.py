"""Text and watermarks, suspected from edges alone: no model knows here what a letter is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_STROKE = 40.0
"""Difference in greys across two pixels that counts as the edge of a stroke."""

_STROKES = 14
"""Edges within a quarter of the width that make a row of text, dark and light ones in turn."""

_ROWS = 5
"""Rows of text that follow each other, in a picture of 192 pixels, at least …"""

_MOST_ROWS = 32
"""… and at most: fences, hair and fabric go on further."""

_MARK = 30
"""Pixels of 192 x 192 that make a mark, at least."""

_SPOT = 0.15
"""Part of the picture that the marks lie in, at most: what is shared all over is a motif."""


def has_lettering(grey: np.ndarray) -> bool:
    """Tell whether some band of ``grey`` (float [height, width], 0 to 255) is crowded with strokes, and what is around it is not."""
    across = grey[:, 2:] - grey[:, :-2]
    sign = np.where(across > _STROKE, 1, np.where(across < -_STROKE, -1, 0))
    window = max(16, grey.shape[1] // 4)
    for left in range(0, max(1, sign.shape[1] - window + 1), window // 2):
        changes = np.array([_changes(row) for row in sign[:, left : left + window]])
        for start, end in _runs(changes >= _STROKES):
            if _ROWS <= end - start <= _MOST_ROWS and _is_calm(changes, start, end):
                return True
    return False


def _changes(row: np.ndarray) -> int:
    """Count the changes from a light edge to a dark one or the other way round."""
    edges = row[row != 0]
    return int(np.count_nonzero(edges[1:] != edges[:-1]))


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    padded = np.concatenate([[0], flags.astype(np.int8), [0]])
    steps = np.diff(padded)
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _is_calm(changes: np.ndarray, start: int, end: int) -> bool:
    """Text stands in space: shortly above and below it there are few strokes."""
    gap = max(2, (end - start) // 3)
    around = [
        side
        for side in (changes[max(0, start - gap - 3) : max(0, start - gap)], changes[end + gap : end + gap + 3])
        if len(side)
    ]
    return bool(around) and all(float(np.median(side)) < _STROKES / 3 for side in around)


def repeated_marks(squares: Sequence[np.ndarray]) -> bool:
    """Tell whether strong edges come back at the same small place in nearly all pictures (float [192, 192, 3], 0 to 255).

    The median over pictures of their gradients is what they share (Dekel et al. 2017, "On the Effectiveness of Visible
    Watermarks"); of different pictures next to nothing remains of it.
    """
    greys = np.stack([square.mean(axis=2) for square in squares])
    down, across = np.gradient(greys, axis=(1, 2))
    shared = np.hypot(np.median(down, axis=0), np.median(across, axis=0))
    rows, columns = np.nonzero(shared[2:-2, 2:-2] > 12)  # a common frame is no watermark
    if len(rows) < _MARK:
        return False
    return int(np.ptp(rows) + 1) * int(np.ptp(columns) + 1) < _SPOT * shared.size
