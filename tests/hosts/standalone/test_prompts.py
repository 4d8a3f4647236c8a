"""The prompt language. Equality with A1111 itself: `test_conditioning_reference.py`, one folder up."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.hosts.standalone.text import prompts
from textual_inversion.hosts.standalone.text.prompts import (
    Chunk,
    Insertion,
    NameIndex,
    SpecialTokens,
    chunk_prompt,
    parse_attention,
)

SPECIAL = SpecialTokens(start=1000, end=1001, pad=0, comma=ord(","))
NAMES = NameIndex(
    [("foo", [ord(c) for c in "foo"], 3), ("foobar", [ord(c) for c in "foobar"], 2), ("big", [ord("B")], 70)]
)


def letters(text: str) -> list[int]:
    """A tokenizer of one token a letter."""
    return [ord(letter) for letter in text]


def chunks_of(prompt: str, names: NameIndex = NAMES) -> list[Chunk]:
    return chunk_prompt(prompt, tokenize=letters, special=SPECIAL, names=names)


@pytest.mark.parametrize(
    ("prompt", "spans"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("]a)", [("]a)", 1.0)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("a BREAK b", [("a", 1.0), ("BREAK", -1.0), ("b", 1.0)]),
        ("(a:0)", [("a", 0.0)]),
        ("a:b", [("a:b", 1.0)]),
        ("", [("", 1.0)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                *(("a ", 1.0), ("house", 1.573), (" ", 1.1), ("on", 1.0), (" a ", 1.1)),
                *(("hill", 0.55), (", sun, ", 1.1), ("sky", 1.4641), (".", 1.1)),
            ],
        ),
    ],
)
def test_brackets_weigh(prompt: str, spans: list[tuple[str, float]]) -> None:
    assert [text for text, _ in parse_attention(prompt)] == [text for text, _ in spans]
    assert [weight for _, weight in parse_attention(prompt)] == pytest.approx([weight for _, weight in spans])


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(prompts).failed == 0


def test_a_weight_that_is_no_number_is_explained() -> None:
    with pytest.raises(InputError, match=r"'1\.2\.3' in the prompt '\(a:1\.2\.3\)' is not a number"):
        parse_attention("(a:1.2.3)")


def test_the_longest_name_wins_and_counts_its_rows() -> None:
    (chunk,) = chunks_of("a foobar foo")
    assert chunk.insertions == (Insertion(offset=2, name="foobar", rows=2), Insertion(offset=5, name="foo", rows=3))
    assert chunk.tokens[1:9] == (ord("a"), ord(" "), 0, 0, ord(" "), 0, 0, 0)


def test_an_embedding_that_does_not_fit_starts_a_new_chunk() -> None:
    first, second = chunks_of("abcdef B")
    assert first.insertions == ()
    assert second.insertions == (Insertion(offset=0, name="big", rows=70),)


def test_an_embedding_longer_than_a_chunk_is_refused() -> None:
    with pytest.raises(InputError, match="'x' has 76 vectors; at most 75 fit"):
        chunks_of("x", NameIndex([("x", [ord("x")], 76)]))


def test_text_after_a_near_comma_moves_to_the_next_chunk() -> None:
    first, second = chunks_of("y" * 64 + "," + "z" * 12)
    assert first.tokens[1:66] == tuple(letters("y" * 64 + ","))
    assert second.tokens[1:13] == tuple(letters("z" * 12))
    far, rest = chunks_of("y" * 50 + "," + "z" * 30)
    assert far.tokens[75] == rest.tokens[1] == ord("z")
    assert (far.tokens.count(ord("z")), rest.tokens.count(ord("z"))) == (24, 6)


@given(
    st.text(alphabet="ab,fo B()[]:1.\\\n", max_size=250)
    | st.lists(st.sampled_from(["BREAK", "foo", "foobar", "B", "(", ")", "a, ", "[b:1.2]"])).map(" ".join)
)
def test_every_prompt_makes_whole_chunks(prompt: str) -> None:
    try:
        chunks = chunks_of(prompt)
    except InputError as error:
        assert "is not a number" in error.message  # noqa: PT017
        return
    assert chunks
    for chunk in chunks:
        assert len(chunk.tokens) == len(chunk.weights) == 77
        assert (chunk.tokens[0], chunk.tokens[-1]) == (SPECIAL.start, SPECIAL.end)
        assert all(fix.offset + fix.rows <= 75 for fix in chunk.insertions)


def test_of_names_with_the_same_tokens_the_one_that_is_written_goes_first() -> None:
    def small(text: str) -> list[int]:
        return letters(text.lower())

    both = [("EasyNegative", small("EasyNegative"), 1), ("easynegative", small("easynegative"), 2)]
    for written, rows in (("EasyNegative", 1), ("easynegative", 2), ("EASYNEGATIVE", 1)):
        prompt = f"a {written}"
        names = NameIndex(both, texts=[prompt])
        (chunk,) = chunk_prompt(prompt, tokenize=small, special=SPECIAL, names=names)
        assert [each.rows for each in chunk.insertions] == [rows]
