"""Many rendered scenes at once, kept as one array on disk so that a resumed training need not draw them again."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np

from . import world
from .draw import draw, occupancy
from .scene import Scene, random_scene


def scenes(count: int, seed: int) -> list[Scene]:
    """`count` random scenes; scene i depends on (seed, i) alone."""
    return [random_scene(random.Random(f"scene {seed} {i}")) for i in range(count)]


def occupancies(some: list[Scene], cache: Path | None = None) -> np.ndarray:
    """(n, 8, 8) float32 of how much of each cell the shape covers, read from `cache` where it already holds as many."""
    if cache is not None and cache.exists() and len(kept := np.load(cache)) == len(some):
        return kept
    masks = np.stack([occupancy(scene) for scene in some])
    if cache is not None:
        _keep(masks, cache)
    return masks


def rendered(some: list[Scene], cache: Path | None = None) -> np.ndarray:
    """(n, 64, 64, 3) uint8 pictures of `some`, read from `cache` where it already holds as many."""
    if cache is not None and cache.exists():
        kept = np.load(cache)
        if len(kept) == len(some):
            return kept
    pictures = np.empty((len(some), world.SIZE, world.SIZE, 3), dtype=np.uint8)
    for i, scene in enumerate(some):
        pictures[i] = np.asarray(draw(scene))
    if cache is not None:
        _keep(pictures, cache)
    return pictures


def _keep(array: np.ndarray, cache: Path) -> None:
    temporary = cache.with_suffix(".tmp.npy")
    np.save(temporary, array)
    os.replace(temporary, cache)
