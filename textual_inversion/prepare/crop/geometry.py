"""From the size of a picture to the parts of it that are kept, each with the size it is brought to.

All of it is arithmetic on boxes in the picture's own pixels: cropping and resizing happen once, in ``render``, and a mask
or an alpha channel follows through the same box.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ...core.pictures.fit import Box, Size
from ..settings.geometry import GeometrySettings, Objective

AUTO_STEP = 64
"""Sides of auto-sized crops grow by this many pixels, as in A1111."""

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Cut:
    """``box`` of the picture becomes a result of ``size``."""

    box: Box
    size: Size

    @property
    def enlarged(self) -> bool:
        """True where the result has more pixels than the part it was made from."""
        return self.box[2] - self.box[0] < self.size[0] - 1 or self.box[3] - self.box[1] < self.size[1] - 1


def whole(size: Size) -> Cut:
    """All of a picture at its own size."""
    return Cut(box=(0.0, 0.0, float(size[0]), float(size[1])), size=size)


def crop(size: Size, target: Size, *, around: Point | None = None) -> Cut:
    """The largest part of the target's shape, around a point (else the middle) as far as the edges allow."""
    scale = min(size[0] / target[0], size[1] / target[1])
    width, height = target[0] * scale, target[1] * scale
    x, y = around or (size[0] / 2, size[1] / 2)
    left = min(max(0.0, x - width / 2), size[0] - width)
    top = min(max(0.0, y - height / 2), size[1] - height)
    # Rounding must not put an edge outside of the picture.
    box = (max(0.0, left), max(0.0, top), min(float(size[0]), left + width), min(float(size[1]), top + height))
    return Cut(box=box, size=target)


def stretched(size: Size, target: Size) -> Cut:
    """All of a picture, distorted to the target's shape."""
    return Cut(box=whole(size).box, size=target)


def is_oversized(size: Size, settings: GeometrySettings) -> bool:
    """Tell whether a picture is so much longer than the training shape that it should be split (A1111's rule)."""
    width, height = settings.width, settings.height
    tall, wide = size[0] * height / (size[1] * width), size[1] * width / (size[0] * height)
    ratio = tall if size[1] > size[0] else wide
    return ratio < 1 and ratio <= settings.split_threshold


def pieces(size: Size, settings: GeometrySettings) -> list[Cut]:
    """An oversized picture as parts of the training shape that overlap, evenly along its longer side."""
    target = (settings.width, settings.height)
    tall = size[1] > size[0]
    scale = size[0] / target[0] if tall else size[1] / target[1]
    part = (target[1] if tall else target[0]) * scale
    length = size[1] if tall else size[0]
    count = max(2, math.ceil((length - part * settings.split_overlap) / (part * (1 - settings.split_overlap)) - 1e-9))
    step = (length - part) / (count - 1)
    starts = [min(step * index, length - part) for index in range(count)]
    boxes: list[Box] = [
        (0.0, start, float(size[0]), min(start + part, float(length)))
        if tall
        else (start, 0.0, min(start + part, float(length)), float(size[1]))
        for start in starts
    ]
    return [Cut(box=box, size=target) for box in boxes]


def auto_sized(size: Size, settings: GeometrySettings) -> Cut | None:
    """The middle of a picture at the size, of those within the limits, that suits it; None where each crops too much."""
    allowed = [
        target
        for target in _auto_sizes(settings.min_dimension, settings.max_dimension, settings.min_area, settings.max_area)
        if cropped_share(size, target) <= settings.error_threshold
    ]
    if not allowed:
        return None
    return crop(size, max(allowed, key=lambda target: _merit(size, target, settings.objective)))


def cropped_share(size: Size, target: Size) -> float:
    """The part of a picture's area that is lost when it is cropped to the target's shape, 0 to 1."""
    ratio = size[0] / size[1] / (target[0] / target[1])
    return 1 - min(ratio, 1 / ratio)


def _merit(size: Size, target: Size, objective: Objective) -> tuple[float, float]:
    area, kept = float(target[0] * target[1]), -cropped_share(size, target)
    return (area, kept) if objective == "area" else (kept, area)


@lru_cache(maxsize=8)
def _auto_sizes(shortest: int, longest: int, least: int, most: int) -> tuple[Size, ...]:
    return tuple(_sizes(shortest, longest, least, most))


def _sizes(shortest: int, longest: int, least: int, most: int) -> Iterator[Size]:
    for width in range(shortest, longest + 1, AUTO_STEP):
        for height in range(shortest, longest + 1, AUTO_STEP):
            if least <= width * height <= most:
                yield width, height
