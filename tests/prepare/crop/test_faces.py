from __future__ import annotations

import numpy as np
import pytest

from textual_inversion.prepare.crop import faces
from textual_inversion.prepare.crop.develop import develop
from textual_inversion.prepare.crop.faces import Faces
from textual_inversion.prepare.folder.sources import find_sources
from textual_inversion.prepare.settings import PrepareSettings


def drawn_face(cv2):
    """Grey, 500 x 300: a face that the detector knows, right of the middle."""
    image = np.full((300, 500), 200, np.uint8)
    cv2.ellipse(image, (380, 150), (60, 80), 0, 0, 360, 170, -1)
    cv2.ellipse(image, (380, 95), (62, 40), 0, 180, 360, 40, -1)
    for side in (-24, 24):
        cv2.ellipse(image, (380 + side, 135), (12, 6), 0, 0, 360, 60, -1)
        cv2.ellipse(image, (380 + side, 120), (15, 3), 0, 0, 360, 70, -1)
    cv2.ellipse(image, (380, 165), (8, 10), 0, 0, 360, 140, -1)
    cv2.ellipse(image, (380, 195), (22, 6), 0, 0, 360, 80, -1)
    return cv2.GaussianBlur(image, (7, 7), 0)


def test_a_face_draws_the_crop(source):
    from PIL import Image

    cv2 = pytest.importorskip("cv2", exc_type=ImportError)
    if not Faces().available:
        pytest.skip("this OpenCV has no cascades")
    image = drawn_face(cv2)
    x, y = Faces().centre(image)
    assert (abs(x - 380) < 15, abs(y - 130) < 25) == (True, True)
    Image.fromarray(image).save(source / "a.png")
    settings = PrepareSettings(fit="focal", width=64, height=64, edges_weight=0, entropy_weight=0)
    (picture,) = find_sources(source).pictures
    developed = develop(picture, settings, Faces(), keep_parts=True)
    column = np.asarray(developed.parts[0].convert("L"), dtype=float).mean(axis=0)
    assert 20 < column.argmin() < 54  # the face is what is dark


def test_without_opencv_nobody_has_a_face(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cv2", None)
    nobody = Faces()
    assert not nobody.available
    assert nobody.centre(np.zeros((50, 50), dtype=np.uint8)) is None
    assert 'pip install "opencv-python-headless<5"' in faces.MISSING
