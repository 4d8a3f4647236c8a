from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.pictures.masks import is_graded, loss_weights, scaled_box

HERE = Path("pictures/cat.png")


def weights(mask: Image.Image, *, size=None, box=None, floor=0.0, graded=False) -> torch.Tensor:
    box = box or (0, 0, *mask.size)
    size = size or (mask.size[0] // 8, mask.size[1] // 8)
    return loss_weights(mask, box=box, size=size, floor=floor, path=HERE, graded=graded)


def left_half(width: int, height: int) -> Image.Image:
    mask = Image.new("L", (width, height), 0)
    mask.paste(255, (0, 0, width // 2, height))
    return mask


@pytest.mark.parametrize("grey", [1, 128, 255])
def test_a_uniform_mask_gives_ones(grey):
    """A1111 divides 0 by 0 here and trains on NaN."""
    assert torch.equal(weights(Image.new("L", (64, 32), grey)), torch.ones(4, 8))


@pytest.mark.parametrize(("width", "height"), [(64, 32), (32, 64), (64, 64)])
def test_left_stays_left_when_the_picture_is_not_square(width, height):
    """A1111 swaps height and width here, which makes stripes of a half."""
    found = weights(left_half(width, height))
    half = width // 16
    assert tuple(found.shape) == (height // 8, width // 8)
    assert torch.equal(found[:, :half], torch.full((height // 8, half), 2.0))
    assert torch.equal(found[:, half:], torch.zeros(height // 8, half))


def test_the_floor_keeps_a_little_of_the_rest():
    found = weights(left_half(64, 64), floor=0.1)
    assert found[0, 0].item() / found[0, 7].item() == pytest.approx(10)
    assert found.mean().item() == pytest.approx(1)
    assert torch.equal(weights(left_half(64, 64), floor=1.0), torch.ones(8, 8))


def test_a_latent_has_the_average_of_its_pixels():
    mask = Image.new("L", (16, 8), 0)
    mask.paste(255, (0, 0, 4, 8))
    mask.paste(255, (8, 0, 16, 8))
    assert weights(mask).tolist() == [[pytest.approx(2 / 3), pytest.approx(4 / 3)]]


def test_only_what_is_inside_the_box_counts():
    assert torch.equal(weights(left_half(64, 64), box=(0, 0, 32, 64), size=(4, 8)), torch.ones(8, 4))


@pytest.mark.parametrize(("mask", "box"), [(Image.new("L", (64, 64), 0), None), (left_half(64, 64), (32, 0, 64, 64))])
def test_a_black_mask_is_named(mask, box):
    with pytest.raises(InputError, match=r"The mask of .*cat\.png is black where the picture is used") as caught:
        weights(mask, box=box, size=(4, 8), floor=0.5)
    assert caught.value.field == "data"


def test_dreamartist_maps_count_up_to_five_times():
    mask = Image.fromarray(np.array([[0, 127, 255]], dtype=np.uint8).repeat(8, 0).repeat(8, 1))
    assert (weights(mask, graded=True) * 2).tolist() == [[pytest.approx(0), pytest.approx(1), pytest.approx(5)]]
    assert [is_graded(Path(name)) for name in ("a_att.png", "A_ATT.webp", "a_mask.png")] == [True, True, False]


def test_masks_may_have_another_scale_but_not_another_shape():
    assert scaled_box((10, 0, 110, 100), picture=(120, 100), mask=(60, 50), path=HERE) == (5, 0, 55, 50)
    scaled_box((0, 0, 1023, 767), picture=(1023, 767), mask=(512, 384), path=HERE)
    with pytest.raises(InputError, match=r"The mask .*cat\.png has 50 x 60 pixels, its picture 120 x 100"):
        scaled_box((10, 0, 110, 100), picture=(120, 100), mask=(50, 60), path=HERE)


@given(st.binary(min_size=24, max_size=24).filter(any), st.sampled_from([0.0, 0.05, 0.5]), st.booleans())
def test_weights_are_never_negative_and_average_to_one(content, floor, graded):
    mask = Image.frombytes("L", (6, 4), content)
    found = weights(mask, size=(6, 4), floor=floor, graded=graded)
    assert bool(found.isfinite().all())
    assert found.min().item() >= 0
    assert found.mean().item() == pytest.approx(1, abs=1e-5)
