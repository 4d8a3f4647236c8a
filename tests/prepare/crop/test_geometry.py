from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.prepare.crop.geometry import auto_sized, crop, cropped_share, is_oversized, pieces
from textual_inversion.prepare.settings import GeometrySettings

sides = st.integers(1, 5000)
targets = st.integers(8, 256).map(lambda side: side * 8)


@given(sides, sides, targets, targets, st.floats(-100, 6000), st.floats(-100, 6000))
def test_a_crop_lies_inside_and_has_the_right_shape(width, height, across, down, x, y):
    left, top, right, bottom = crop((width, height), (across, down), around=(x, y)).box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (right - left) / (bottom - top) == pytest.approx(across / down, rel=1e-6)
    assert right - left == pytest.approx(width) or bottom - top == pytest.approx(height)


def test_a_crop_follows_its_point_as_far_as_it_can():
    assert crop((300, 100), (64, 64)).box == (100, 0, 200, 100)
    assert crop((300, 100), (64, 64), around=(130, 0)).box == (80, 0, 180, 100)
    assert crop((300, 100), (64, 64), around=(290, 0)).box == (200, 0, 300, 100)


@given(sides, sides, targets, targets, st.floats(0, 0.9), st.floats(0.1, 1))
def test_pieces_cover_an_oversized_picture(width, height, across, down, overlap, threshold):
    settings = GeometrySettings(width=across, height=down, split_overlap=overlap, split_threshold=threshold)
    size = (width, height)
    if not is_oversized(size, settings) or max(size) / min(size) > 200:
        return
    cuts = pieces(size, settings)
    axis = 1 if height > width else 0
    starts = [cut.box[axis] for cut in cuts]
    ends = [cut.box[axis + 2] for cut in cuts]
    assert len(cuts) >= 2
    assert starts[0] == 0
    assert ends[-1] == pytest.approx(size[axis])
    part = ends[0] - starts[0]
    for end, start in zip(ends, starts[1:], strict=False):
        assert end - start >= part * overlap - 1e-6 * size[axis]
    assert all(cut.size == (across, down) for cut in cuts)


def test_splitting_as_a1111_does():
    """Its rule: how narrow the picture is beside the training shape; its count: what the overlap leaves."""
    settings = GeometrySettings(width=512, height=512)
    assert is_oversized((512, 1024), settings)
    assert not is_oversized((512, 1000), settings)
    assert is_oversized((2000, 1000), settings)
    assert [cut.box for cut in pieces((512, 1024), settings)] == [
        (0, 0, 512, 512),
        (0, 256, 512, 768),
        (0, 512, 512, 1024),
    ]
    assert len(pieces((512, 921), settings)) == 2


def test_auto_sized_crops_keep_within_the_limits():
    settings = GeometrySettings(fit="auto")
    cut = auto_sized((3000, 2000), settings)
    assert cut.size == (768, 512)
    assert cropped_share((3000, 2000), cut.size) == 0
    assert auto_sized((1000, 1000), settings).size == (640, 640)
    assert auto_sized((4000, 1000), settings) is None
    nearest = auto_sized((3000, 2100), GeometrySettings(fit="auto", objective="error")).size
    assert cropped_share((3000, 2100), nearest) == min(
        cropped_share((3000, 2100), (w, h))
        for w in range(384, 769, 64)
        for h in range(384, 769, 64)
        if w * h <= 640 * 640
    )
