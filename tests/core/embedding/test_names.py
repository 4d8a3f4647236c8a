"""Names that survive prompts and file systems."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.names import MAX_NAME_BYTES, check_name, file_name_for, mention_of


@pytest.mark.parametrize(
    "name", ["cat", "eight vectors", "my-cat_2.v1", "猫", "cat-neg", "Band", "break", "com", "console", "AND1"]
)
def test_good_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("a/b", "separates folders"),
        ("a\\b", "separates folders"),
        ("..", "ends with a dot|begins with a dot"),
        ("../cat", "begins with a dot"),
        (".cat", "begins with a dot"),
        ("cat.", "ends with a dot"),
        ("cat ", "ends with a dot|a space"),
        (" cat", "a space"),
        ("a\nb", r"invisible character U\+000A"),
        ("a\x00b", r"U\+0000"),
        ("cat\u202egnp.exe", r"U\+202E"),
        ("\ud800", r"U\+D800"),
        ("con", "Windows"),
        ("NUL.pt", "Windows"),
        ("Com1", "Windows"),
        ("lpt9.x.y", "Windows"),
        ("AND", "AND has a meaning"),
        ("cat AND dog", "AND has a meaning"),
        ("BREAK", "BREAK has a meaning"),
        ("a?b", "forbidden in file names"),
        ("a*b", "forbidden in file names"),
        ('a"b', "forbidden in file names"),
        ("x" * (MAX_NAME_BYTES + 1), "longer than"),
        *((f"a{c}b", "meaning of its own in prompts") for c in "()[]:,<>|#@"),
    ],
)
def test_bad_names_are_explained(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        check_name(name)
    assert caught.value.field == "name"


@pytest.mark.parametrize(
    ("token", "file"),
    [
        ("<kuvshinov-style>", "kuvshinov-style"),
        ("<cat-toy>", "cat-toy"),
        ("a/b\\c:d", "abcd"),
        ("..", None),
        ("***", None),
        ("nul", "nul_"),
        ("my (cat)", "my (cat)"),
        ("cat. ", "cat"),
        ("a\x07b", "ab"),
    ],
)
def test_file_names(token: str, file: str | None) -> None:
    if file is None:
        with pytest.raises(InputError, match="nothing of it"):
            file_name_for(token)
    else:
        assert file_name_for(token) == file


@given(st.text(max_size=300))
def test_any_token_becomes_one_plain_component_or_is_refused(token: str) -> None:
    try:
        name = file_name_for(token)
    except InputError:
        return
    assert name
    assert os.path.basename(name) == name
    assert not set(name) & set('<>:"/\\|?*')
    assert name.isprintable() or any(c.isspace() for c in name)
    assert name == name.strip()
    assert not name.endswith(".")
    assert len(name.encode()) <= MAX_NAME_BYTES + 1
    assert file_name_for(name) == name


@given(st.text(max_size=60))
def test_a_checked_name_is_its_own_file_name(name: str) -> None:
    try:
        check_name(name)
    except InputError:
        return
    assert file_name_for(name) == name


@pytest.mark.parametrize(
    ("text", "found"),
    [("a thing", True), ("thing-neg", True), ("(thing:1.2)", True), ("something", False), ("things", False)],
)
def test_a_name_is_mentioned_as_a_word_of_its_own(text: str, found: bool) -> None:
    assert bool(mention_of("thing").search(text)) == found
