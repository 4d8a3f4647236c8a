from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixed_files import scene
from PIL import Image, ImageDraw

from textual_inversion.prepare.advice.perceptual_hash import Seen, distance, perceptual_hash
from textual_inversion.prepare.crop.faces import Faces
from textual_inversion.prepare.crop.focal import corner_point, focal_point, varied_point
from textual_inversion.prepare.settings import GeometrySettings


class OneFace(Faces):
    def __init__(self, point):
        super().__init__()
        self._point = point

    def centre(self, grey):
        return None if self._point is None else (self._point[0] * grey.shape[1], self._point[1] * grey.shape[0])


def plain_with_detail(size, box):
    image = Image.new("RGB", size, (128, 128, 128))
    patch = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image.paste(Image.fromarray(patch).resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.NEAREST), box)
    return image


def test_detail_draws_the_crop():
    image = plain_with_detail((900, 300), (650, 60, 800, 210))
    only = {"face_weight": 0.0, "edges_weight": 0.0, "entropy_weight": 0.0}
    for name in ("edges_weight", "entropy_weight"):
        point = focal_point(image, (64, 64), GeometrySettings(**{**only, name: 1.0}), Faces())
        assert 600 < point[0] < 850, name
    assert focal_point(image, (64, 64), GeometrySettings(**only), Faces()) is None


def test_weights_of_what_is_found():
    image = plain_with_detail((900, 300), (700, 100, 800, 200))
    settings = GeometrySettings(face_weight=0.9, edges_weight=0.1, entropy_weight=0)
    face = focal_point(image, (64, 64), settings, OneFace((0.1, 0.5)))
    none = focal_point(image, (64, 64), settings, OneFace(None))
    assert face[0] == pytest.approx(0.9 * 90 + 0.1 * none[0], rel=0.01)


def test_nothing_in_a_plain_picture():
    grey = np.full((60, 90), 77.0, dtype=np.float32)
    assert corner_point(grey) is None
    assert varied_point(grey, (90, 60)) is None
    assert focal_point(Image.new("RGB", (50, 50)), (64, 64), GeometrySettings(), OneFace(None)) is None


def test_watermarks_at_the_bottom_do_not_draw_it():
    image = Image.new("RGB", (400, 400), (90, 90, 90))
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 40, 90, 90), fill=(250, 250, 250))
    for x in range(250, 390, 12):
        draw.rectangle((x, 375, x + 5, 395), fill=(255, 255, 255))
    x, y = corner_point(np.asarray(image.convert("L"), dtype=np.float32))
    assert (30 < x < 100, 30 < y < 100) == (True, True)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_any_size_has_a_point_inside_or_none(width, height, seed):
    point = focal_point(scene((width, height), seed), (64, 48), GeometrySettings(), OneFace(None))
    assert point is None or (0 <= point[0] <= width and 0 <= point[1] <= height)


def test_faces_by_opencv():
    """A drawing that its detector takes for a face; without OpenCV there is none, and no error."""
    assert Faces().centre(np.zeros((100, 100), dtype=np.uint8)) is None
    pytest.importorskip("cv2")
    assert Faces().available


def test_hashes():
    image = scene((300, 200), 4)
    same = image.resize((123, 90)).convert("L").convert("RGB")
    assert distance(perceptual_hash(image), perceptual_hash(same)) <= 4
    others = [distance(perceptual_hash(image), perceptual_hash(scene((300, 200), seed))) for seed in range(10, 20)]
    assert min(others) > 12
    assert perceptual_hash(Image.new("RGB", (10, 10), "white")) is None
    seen = Seen(distance=6)
    for number in range(150):
        seen.add(perceptual_hash(scene((64, 64), number)), str(number))
    assert seen.alike(perceptual_hash(scene((64, 64), 149).resize((200, 190)))) == "149"
    assert seen.alike(None) is None
