"""WD taggers (SmilingWolf) from a local .onnx file with ``selected_tags.csv`` beside it; needs onnxruntime."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...core.base.errors import FileFormatError, InputError

TAGS = "selected_tags.csv"
_RATING = "9"
"""The category of ratings, in Danbooru's numbers."""


class WdTagger:
    """Implements ``core.captioners.Tagger``."""

    def __init__(self, session: Any, tags: Sequence[str]) -> None:
        self._session, self._tags = session, tuple(tags)
        self._input = session.get_inputs()[0]
        side = self._input.shape[1]
        self._side = side if isinstance(side, int) else 448

    def scores(self, pictures: Sequence[Image.Image]) -> list[dict[str, float]]:
        """Pictures are laid on a white square, and given as BGR from 0 to 255, as these models were trained.

        One at a time: many of the files allow one only, and on a CPU nothing is lost.
        """
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Image.Image) -> dict[str, float]:
        (found,) = self._session.run(None, {self._input.name: _pixels(picture, self._side)[None]})[:1]
        row = np.asarray(found, dtype=np.float64).reshape(-1)
        if len(row) != len(self._tags):
            raise FileFormatError(
                f"The tagger knows {len(row)} tags, its {TAGS} lists {len(self._tags)}: they belong to different models.",
                field="tagger_file",
            )
        return dict(zip(self._tags, row.tolist(), strict=True))


def load_wd_tagger(path: Path) -> WdTagger:
    """Raises InputError where onnxruntime or the list of tags is missing, FileFormatError for a broken file."""
    tags = _tags(path.with_name(TAGS))
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("A WD tagger needs onnxruntime. Run: pip install onnxruntime", field="tagger_file") from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=onnxruntime.get_available_providers())
    except Exception as error:  # its errors have no common base
        raise FileFormatError(f"{path} cannot be read as an ONNX model: {error}", field="tagger_file") from error
    return WdTagger(session, tags)


def _tags(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(
            f"{path} is missing: the list of tags from the same page that the .onnx file came from.",
            field="tagger_file",
        )
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [("rating:" if row["category"] == _RATING else "") + row["name"] for row in rows]
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise FileFormatError(
            f"{path} is no list of tags with the columns name and category.", field="tagger_file"
        ) from error


def _pixels(picture: Image.Image, side: int) -> np.ndarray:
    """float32 [side, side, 3]."""
    longest = max(picture.size)
    square = Image.new("RGB", (longest, longest), (255, 255, 255))
    square.paste(picture.convert("RGB"), ((longest - picture.width) // 2, (longest - picture.height) // 2))
    resized = square.resize((side, side), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(resized, dtype=np.float32)[:, :, ::-1])
