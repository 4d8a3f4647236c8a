"""The guidance scale of a pair: numbers, ranges, curves, and what is refused; nothing of it is executed."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.loss.guidance_scale import MAX_SCALE, Guidance, parse_guidance, scales_at


@pytest.mark.parametrize(
    ("text", "clean", "middle", "noise"),
    [
        ("3", 3, 3, 3),
        (" 3.0 ", 3, 3, 3),
        ("1.5-3.0", 1.5, 2.25, 3),
        ("1.5,3.0", 1.5, 2.25, 3),
        ("1.5-3:ln", 1.5, 2.25, 3),
        ("1.5-3:linear", 1.5, 2.25, 3),
        ("1-3:cos", 1, 1 + 2 * math.sin(math.pi / 4), 3),
        ("1-3:cos2", 1, 3 - 2 * math.cos(math.pi / 4), 3),
        ("1-3:torch.sqrt(rate)", 1, 1 + 2 * math.sqrt(0.5), 3),
        ("1-3:rate**2", 1, 1.5, 3),
        ("1-3:1-(1-rate)**2", 1, 2.5, 3),
        ("1-3: min(rate * 2, 1)", 1, 3, 3),
        ("5-1.5", 5, 3.25, 1.5),
        ("1e0-3e+0", 1, 2, 3),
    ],
)
def test_the_second_number_holds_at_pure_noise(text: str, clean: float, middle: float, noise: float) -> None:
    """DreamArtist's rule: rate = t / (T - 1), s = L + (H - L) f(rate)."""
    guidance = parse_guidance(text)
    assert guidance.scales(1001)[[0, 500, 1000]].tolist() == pytest.approx([clean, middle, noise], abs=1e-5)


def test_each_picture_has_the_scale_of_its_timestep() -> None:
    scales = scales_at(parse_guidance("1-3").scales(11), torch.tensor([0, 10, 5]))
    assert scales.shape == (3, 1, 1, 1)
    assert scales.flatten().tolist() == pytest.approx([1, 3, 2])


def test_pictures_are_made_with_the_mean_scale() -> None:
    assert parse_guidance("1.5-3.0").typical == 2.25


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is not understood"),
        ("three", "is not understood"),
        ("-3", "is not understood"),
        ("3-", "is not understood"),
        ("1-2-3", "is not understood"),
        ("3:cos", "is not understood"),
        ("1", "the negative embedding has no part"),
        ("1.0-1.0", "the negative embedding has no part"),
        ("0", "the positive embedding has no part"),
        ("1-1000", "must stay between 0 and 100"),
        ("1-3:1/rate", "must stay between"),
        ("1-3:log(rate)", "must stay between"),
        ("1-3:rate.shape", "something besides arithmetic"),
        ("1-3:__import__('os').system('echo')", "something besides arithmetic"),
        ("1-3:open('x')", "'x' is no number"),
        ("1-3:(lambda: 1)()", "something besides arithmetic"),
        ("1-3:rate if rate else 1", "something besides arithmetic"),
        ("1-3:[rate]", "something besides arithmetic"),
        ("1-3:True", "True is no number"),
        ("1-3:steps", "'steps' means nothing here"),
        ("1-3:sqrt(rate, 2)", "no function 'sqrt' of 2 values"),
        ("1-3:sqrt(x=rate)", "something besides arithmetic"),
        ("1-3:rate +", "it is no arithmetic"),
        ("1-3:" + "(" * 150 + "rate" + ")" * 40, "it is no arithmetic"),
        ("1-3:" + "-" * 300 + "rate", "longer than 200 characters"),
        ("1-3:9**9**9**9", "must stay between"),
    ],
)
def test_what_is_no_scale_is_refused_beside_its_field(text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_guidance(text)
    assert part in caught.value.message
    assert caught.value.field == "guidance"


@given(st.text(alphabet="rate0123456789.+-*/() :,sqrtcosminpi", max_size=60))
def test_any_text_is_a_scale_in_range_or_a_sentence(text: str) -> None:
    guidance = _parsed(text)
    if guidance is not None:
        assert guidance.scales(20).shape == (20,)
        assert bool(((guidance.scales(20) >= 0) & (guidance.scales(20) <= MAX_SCALE)).all())


def _parsed(text: str) -> Guidance | None:
    """Any other error than InputError fails the test."""
    with suppress(InputError):
        return parse_guidance(text)
    return None
