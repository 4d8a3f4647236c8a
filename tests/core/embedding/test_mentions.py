from __future__ import annotations

import doctest

import pytest

from textual_inversion.core.base import spelling
from textual_inversion.core.embedding import mentions as module
from textual_inversion.core.embedding.mentions import is_part_of, mentions, runs_on, same_in_prompts, words_of


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(module).failed == doctest.testmod(spelling).failed == 0


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("a photo of my-cat", "my-cat", True),
        ("a photo of My-Cat, red", "my-cat", True),
        ("my - cat", "my-cat", True),
        ("cats", "cat", False),
        ("something", "thing", False),
        ("hero12", "hero1", True),
        ("x 1", "x1", True),
        ("foo _bar", "foo_bar", True),
        ("a_cat_sits", "cat", True),
        ("(my-cat:1.2)", "my-cat", True),
        ("my-(cat:1.2)", "my-cat", False),
        ("in 2023", "2023", True),
        ("", "cat", False),
        ("cat", "", False),
        ("naïve art", "NAÏVE", True),
    ],
)
def test_names_in_prompts(text: str, name: str, expected: bool) -> None:
    assert mentions(text, name) == expected


def test_the_longer_of_two_names_wins() -> None:
    assert is_part_of("hero1", "hero12")
    assert is_part_of("my-thing", "my-thing blue")
    assert not is_part_of("hero1", "Hero1")
    assert not is_part_of("cat", "cats")


def test_names_that_are_one_in_prompts() -> None:
    assert same_in_prompts("EasyNegative", "easynegative")
    assert same_in_prompts("x1", "X 1")
    assert same_in_prompts("cafe\u0301", "Caf\u00e9")
    assert not same_in_prompts("my-cat", "my_cat")


def test_digits_run_on() -> None:
    assert runs_on("hero1", "hero12")
    assert runs_on("hero1", "Hero 123")
    assert not runs_on("hero1", "hero1-neg")
    assert not runs_on("hero12", "hero1")
    assert not runs_on("cat", "cat1")
    assert not runs_on("", "1")


@pytest.mark.parametrize("text", ["it's a CAT, 12:30!", "l'été_2", "猫2 ñ"])
def test_words_as_the_tokenizer_cuts_them(text: str) -> None:
    from textual_inversion.hosts.standalone.checkpoint.tokenizer import ClipTokenizer

    tokenizer = ClipTokenizer.load("clip")
    whole = list(tokenizer.encode(text))
    assert whole == [token for word in words_of(text) for token in tokenizer.encode(word)]
