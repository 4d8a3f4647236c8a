"""Small versions of a folder's pictures, for advice about how they look together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from ...core.base.errors import InputError
from ...core.pictures.open import open_picture
from .perceptual_hash import perceptual_hash

SIDE = 192
MOST = 300
"""Of more pictures than this, as many evenly chosen ones are looked at."""


@dataclass(frozen=True)
class Look:
    """``small`` is RGB, its longer side 192 pixels."""

    path: Path
    small: Image.Image

    @cached_property
    def hash(self) -> int | None:
        return perceptual_hash(self.small)

    @cached_property
    def square(self) -> np.ndarray:
        """float32 [192, 192, 3], stretched: the same place of every picture is at the same place here."""
        return np.asarray(self.small.resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float32)

    @cached_property
    def grey(self) -> np.ndarray:
        """float32 [height, width], not stretched."""
        return np.asarray(self.small.convert("L"), dtype=np.float32)


def looks_of(paths: Sequence[Path]) -> list[Look]:
    """Those that can be read; what cannot is told elsewhere."""
    return list(_looks(paths if len(paths) <= MOST else [paths[n * len(paths) // MOST] for n in range(MOST)]))


def _looks(paths: Sequence[Path]) -> Iterator[Look]:
    for path in paths:
        try:
            image = open_picture(path).rgb
        except InputError:
            continue
        image.thumbnail((SIDE, SIDE))
        yield Look(path, image)
