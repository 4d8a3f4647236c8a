import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from textual_inversion.core.pictures.fit import (
    bucket_sizes,
    fit_image,
    nearest_bucket,
    source_box,
    target_size,
    to_pixels,
)

sides = st.integers(8, 5000)


def fitted(image: Image.Image, *, fit, width=64, height=64) -> Image.Image:
    size = target_size(image.size, fit=fit, width=width, height=height)
    return fit_image(image, box=source_box(image.size, size, fit=fit), size=size)


def stripes(width: int, height: int) -> Image.Image:
    """Red, green and blue thirds from left to right."""
    image = Image.new("RGB", (width, height), (0, 255, 0))
    image.paste((255, 0, 0), (0, 0, width // 3, height))
    image.paste((0, 0, 255), (width - width // 3, 0, width, height))
    return image


def test_centre_crop_keeps_the_middle():
    image = fitted(stripes(300, 90), fit="center")
    assert image.size == (64, 64)
    assert {image.getpixel((x, 30)) for x in (2, 32, 61)} == {(0, 255, 0)}


def test_stretch_keeps_everything():
    image = fitted(stripes(300, 100), fit="stretch")
    assert [image.getpixel((x, 30)) for x in (2, 32, 61)] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_as_it_is_cuts_to_multiples_of_8_and_touches_no_pixel():
    source = Image.effect_noise((53, 30), 80).convert("RGB")
    image = fitted(source, fit="none")
    assert image.size == (48, 24)
    assert np.array_equal(np.asarray(image), np.asarray(source)[3:27, 2:50])
    assert target_size((7, 30), fit="none", width=64, height=64)[0] == 0


def test_bucket_sizes_of_512():
    sizes = bucket_sizes(512, 512)
    assert {(512, 512), (576, 448), (448, 576), (640, 384), (384, 640), (768, 320)} <= set(sizes)
    assert len(sizes) == len(set(sizes))


@given(st.integers(32, 160), st.integers(32, 160))
def test_buckets_have_the_area_and_their_sides_are_multiples_of_64(across, down):
    width, height = across * 8, down * 8
    sizes = bucket_sizes(width, height)
    assert (width, height) in sizes
    for size in set(sizes) - {(width, height)}:
        assert size[0] % 64 == size[1] % 64 == 0
        assert 0.6 * width * height <= size[0] * size[1] <= width * height
        assert (size[1], size[0]) in sizes


def test_small_training_sizes_have_finer_buckets():
    assert (80, 48) in bucket_sizes(64, 64)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((4000, 4000), (512, 512)), ((4000, 3000), (576, 448)), ((1920, 1080), (640, 384)), ((1080, 1920), (384, 640))],
)
def test_pictures_go_to_the_bucket_of_their_shape(size, expected):
    assert target_size(size, fit="buckets", width=512, height=512) == expected


def test_of_buckets_of_one_shape_the_largest_wins():
    assert nearest_bucket((100, 100), [(64, 64), (128, 128), (96, 96)]) == (128, 128)


@given(st.tuples(sides, sides), st.sampled_from(["center", "stretch", "none", "buckets"]))
def test_boxes_stay_inside_and_only_stretch_distorts(size, fit):
    target = target_size(size, fit=fit, width=512, height=384)
    left, top, right, bottom = source_box(size, target, fit=fit)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
    if fit != "stretch":
        assert (right - left) / target[0] == pytest.approx((bottom - top) / target[1], rel=1e-6)
        assert left == pytest.approx(size[0] - right, abs=1)
    if fit in ("center", "buckets"):
        assert min(left, top) == pytest.approx(0, abs=1e-6)


def test_pixels_are_channels_first_from_minus_one_to_one():
    image = Image.new("RGB", (16, 8), (255, 0, 51))
    pixels = to_pixels(image)
    assert (pixels.dtype, tuple(pixels.shape)) == (torch.float32, (3, 8, 16))
    assert pixels[:, 3, 5].tolist() == pytest.approx([1.0, -1.0, -0.6])
