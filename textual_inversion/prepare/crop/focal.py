"""The point of a picture that a crop should keep: drawn by faces, by detail and by variety.

The same three sources and weights as A1111's *Auto focal point crop*. Each source that finds something counts with its
weight; the point is their weighted mean. Faces are found by the detectors that OpenCV brings along, nothing is downloaded.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ...core.pictures.fit import Size
from ..settings.geometry import GeometrySettings
from .faces import Faces
from .geometry import Point, crop

LOOKED_AT = 256
"""Pictures are looked at with their shorter side at this many pixels: enough for faces, and quick."""

_WATERMARK_ZONE = 0.9
"""Corners in the lowest tenth are passed over: that is where watermarks and signatures are."""

_CORNERS = 100


def focal_point(image: Image.Image, target: Size, settings: GeometrySettings, faces: Faces) -> Point | None:
    """In the picture's own pixels; None where nothing draws the eye, or every weight is 0."""
    scale = min(1.0, LOOKED_AT / min(image.size))
    small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    grey = np.asarray(small.convert("L"), dtype=np.float32)
    found: list[tuple[float, Point | None]] = [
        (settings.face_weight, faces.centre(grey.astype(np.uint8)) if settings.face_weight else None),
        (settings.edges_weight, corner_point(grey) if settings.edges_weight else None),
        (settings.entropy_weight, varied_point(grey, target) if settings.entropy_weight else None),
    ]
    points = [(weight, point) for weight, point in found if point is not None]
    total = sum(weight for weight, _ in points)
    if not total:
        return None
    x = sum(weight * point[0] for weight, point in points) / total
    y = sum(weight * point[1] for weight, point in points) / total
    return x * image.width / small.width, y * image.height / small.height


def corner_point(grey: np.ndarray) -> Point | None:
    """The mean place of the strongest corners (Shi and Tomasi 1994: the smaller eigenvalue of the structure tensor).

    ``grey``: [height, width], 0 to 255. None for a picture without any.
    """
    if min(grey.shape) < 3:
        return None
    down, across = np.gradient(grey)
    xx, yy, xy = (_blurred(product) for product in (across * across, down * down, across * down))
    strength = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    strength[int(grey.shape[0] * _WATERMARK_ZONE) :] = 0
    highest = float(strength.max())
    if highest < 1:
        return None
    places = _spread_maxima(strength, least=0.04 * highest, apart=max(1, int(min(grey.shape) * 0.06)))
    return float(np.mean([x for _, x in places])), float(np.mean([y for y, _ in places]))


def _blurred(values: np.ndarray) -> np.ndarray:
    """Means over 3 x 3."""
    padded = np.pad(values, 1, mode="edge")
    height, width = values.shape
    return sum(padded[y : y + height, x : x + width] for y in range(3) for x in range(3)) / 9


def _spread_maxima(strength: np.ndarray, *, least: float, apart: int) -> list[tuple[int, int]]:
    """The strongest places, one in each square of ``apart`` pixels, at most a hundred."""
    height, width = (-(-side // apart) * apart for side in strength.shape)
    padded = np.zeros((height, width), dtype=strength.dtype)
    padded[: strength.shape[0], : strength.shape[1]] = strength
    tiles = padded.reshape(height // apart, apart, width // apart, apart).swapaxes(1, 2)
    tiles = tiles.reshape(height // apart, width // apart, -1)
    best, where = tiles.max(axis=2), tiles.argmax(axis=2)
    order = np.argsort(best, axis=None)[::-1][:_CORNERS]
    chosen = [divmod(int(index), best.shape[1]) for index in order if best.flat[int(index)] >= least]
    return [
        (row * apart + int(where[row, column]) // apart, column * apart + int(where[row, column]) % apart)
        for row, column in chosen
    ]


def varied_point(grey: np.ndarray, target: Size) -> Point | None:
    """The middle of the part of the target's shape with the highest entropy of greys; None where only one part fits.

    (A1111 counts black and white only, after dithering.)
    """
    height, width = grey.shape
    box = crop((width, height), target).box
    part = (max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1])))
    free = (width - part[0], height - part[1])
    if max(free) < 4:
        return None
    levels = (grey / 8).astype(np.int64)
    best, where = -1.0, (0, 0)
    for step in range(0, max(free) + 1, 4):
        left, top = min(step, free[0]), min(step, free[1])
        entropy = _entropy(levels[top : top + part[1], left : left + part[0]])
        if entropy > best + 1e-9:
            best, where = entropy, (left, top)
    return where[0] + part[0] / 2, where[1] + part[1] / 2


def _entropy(levels: np.ndarray) -> float:
    counts = np.bincount(levels.ravel(), minlength=32)
    shares = counts[counts > 0] / levels.size
    return float(-(shares * np.log2(shares)).sum())
