"""The brackets of captions. What they weigh is held by `tests/hosts/standalone/test_prompts.py`."""

from __future__ import annotations

import doctest
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset import emphasis
from textual_inversion.core.dataset.emphasis import BREAK, LONGEST_PROMPT, brackets_in, may_fail, parse_attention


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(emphasis).failed == 0


@pytest.mark.parametrize(
    ("text", "unbalanced", "plain", "weights"),
    [
        ("1girl, :(, rain, garden", True, False, [1.1]),
        ("((a", True, False, [1.21]),
        ("a))", True, False, []),
        ("[a", True, False, [1 / 1.1]),
        ("hatsune miku (vocaloid), smile", False, True, [1.1]),
        ("a [small] one", False, True, [1 / 1.1]),
        ("a wide view (aspect ratio 16:9), hills", False, False, [9.0]),
        ("(a:1.2)", False, False, [1.2]),
        ("(a:)", False, True, [1.1]),
        ("(a:1e5)", False, True, [1.1]),
        ("(a:-1)", False, False, [-1.0]),
        ("(a: .5 )", False, False, [0.5]),
        ("[a:b:0.5]", False, True, [1 / 1.1]),
        (r"miku \(vocaloid\)", False, False, []),
        ("a BREAK b", False, False, []),
        ("none at all", False, False, []),
    ],
)
def test_brackets(text: str, unbalanced: bool, plain: bool, weights: list[float]) -> None:
    seen = brackets_in(text)
    assert (seen.unbalanced, seen.plain) == (unbalanced, plain)
    assert seen.weights == pytest.approx(weights)


@pytest.mark.parametrize("text", ["(windows:3.1.1)", "(a:.)", "(a:..)", "(a, (b:1.2.3))", "x (a : 1.1.)"])
def test_weights_that_are_no_numbers(text: str) -> None:
    with pytest.raises(InputError, match="is not a number"):
        brackets_in(text)
    assert may_fail(text)


@pytest.mark.parametrize("text", ["(1920:1080)", f"(a:{'9' * 400})", "(" * 9000 + "a", "(a:1001)", "((a:900):2)"])
def test_weights_that_overflow(text: str) -> None:
    with pytest.raises(InputError, match="is no emphasis"):
        brackets_in(text)


@pytest.mark.parametrize(("text", "expected"), [("windows:3.1.1)", True), ("12:30)", False), ("a:1.1.1", False)])
def test_what_fails_after_an_open_bracket(text: str, expected: bool) -> None:
    assert brackets_in(text).weights == ()
    assert may_fail(text) == expected


@given(st.text(alphabet="ab ()[]:1.\\", max_size=60))
def test_a_text_that_cannot_fail_never_does(text: str) -> None:
    if not may_fail(text):
        assert all(math.isfinite(weight) for _, weight in parse_attention(f"({text}"))


@pytest.mark.parametrize(
    "text", [f"(a:{'9' * 400})", "(" * 8000 + "a", f"((a:{'9' * 200}):{'9' * 200})", f"(a:-{'9' * 400})"]
)
def test_a_weight_is_a_number_in_pictures_too(text: str) -> None:
    """An infinite one makes a black picture."""
    with pytest.raises(InputError, match="inf in the prompt .* is no emphasis"):
        parse_attention(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1400 + "a" + ":1.001)" * 1200,
        "(a:1.1)" * 1400,
        "(a:" + " " * 9_900,
        " BREAK " * 1400,
        "[" * 9_999,
        "(a" + ":1)" * 3000,
    ],
)
def test_no_prompt_takes_long(text: str) -> None:
    began = time.process_time()
    parse_attention(text)
    brackets_in("(a:1)")
    assert time.process_time() - began < 1.5, "1 to 9 seconds before"


def test_a_prompt_of_any_length_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="has 10001 characters; at most 10000 can be read"):
        parse_attention("a" * (LONGEST_PROMPT + 1))
    parse_attention("a" * LONGEST_PROMPT)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("a BREAK b", [("a", 1.0), BREAK, ("b", 1.0)]),
        ("BREAK", [("", 1.0), BREAK, ("", 1.0)]),
        ("a\n\tBREAK BREAK  b ", [("a", 1.0), BREAK, ("", 1.0), BREAK, ("b ", 1.0)]),
        (" aBREAK BREAKS b ", [(" aBREAK BREAKS b ", 1.0)]),
    ],
)
def test_the_blanks_around_a_break_go_with_it(text: str, spans: list[tuple[str, float]]) -> None:
    assert parse_attention(text) == spans
