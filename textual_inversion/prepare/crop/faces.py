"""Faces, by the Haar cascades that come with OpenCV: no download, no model. Without OpenCV nobody has a face."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .geometry import Point

_CASCADES = (
    "haarcascade_frontalface_default.xml",
    "haarcascade_frontalface_alt2.xml",
    "haarcascade_profileface.xml",
)
"""Tried in this order until one finds something."""

_SMALLEST = 0.08
"""Of the picture's shorter side: smaller finds are mostly leaves and buttons."""

_UP = 0.33
"""A crop is drawn to the eyes, a third of the way down a face."""

MISSING = (
    "Faces were not looked for, because OpenCV is not installed; edges and variety decide alone. "
    'To have faces found: pip install "opencv-python-headless<5"'
)


class Faces:
    """The detectors, read when first used. They can do one picture at a time, whoever asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def _detectors(self) -> list[Any]:
        try:
            import cv2
        except ImportError:
            return []
        if not hasattr(cv2, "CascadeClassifier"):  # OpenCV 5 gave them away to an add-on
            return []
        folder = Path(cv2.data.haarcascades)
        loaded = [cv2.CascadeClassifier(str(folder / name)) for name in _CASCADES if (folder / name).is_file()]
        return [detector for detector in loaded if not detector.empty()]

    @property
    def available(self) -> bool:
        return bool(self._detectors)

    def centre(self, grey: np.ndarray) -> Point | None:
        """The mean place of the faces in ``grey`` (uint8 [height, width]), weighted by their size; None without any."""
        with self._lock:
            boxes = self._found(grey, smallest=max(16, int(min(grey.shape) * _SMALLEST)))
        if boxes is None:
            return None
        weights = boxes[:, 2] * boxes[:, 3]
        x = ((boxes[:, 0] + boxes[:, 2] / 2) * weights).sum() / weights.sum()
        y = ((boxes[:, 1] + boxes[:, 3] * _UP) * weights).sum() / weights.sum()
        return float(x), float(y)

    def _found(self, grey: np.ndarray, *, smallest: int) -> np.ndarray | None:
        """Left, top, width and height of each face, by the first detector that finds any."""
        for detector in self._detectors:
            found = detector.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=6, minSize=(smallest, smallest))
            if len(found):
                return np.asarray(found, dtype=np.float64)
        return None
