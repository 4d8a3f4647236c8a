from __future__ import annotations

import doctest

import pytest

from textual_inversion.core.dataset import prompt_syntax
from textual_inversion.core.dataset.prompt_syntax import foreign_syntax, misspelt_placeholders


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(prompt_syntax).failed == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a LR1 square <lora:foo:0.8>, __color__, {red|blue} AND a circle", 4),
        ("<hypernet:x:1>", 1),
        ("embedding:my-cat, a photo", 1),
        ("[red:blue:0.5]", 1),
        ("[red::10] cat", 1),
        ("[blue:0.5] cat", 1),
        ("[cow|horse] in a field", 1),
        ("a cat+++ and (dog)1.3", 1),
        ("a photo --ar 16:9", 1),
        ("a cat --n lowres --w 512", 1),
        ("a <'Cameron'><' '><'Diaz'*1.5> photo", 1),
        ("[name], [filewords]", 0),
        ("a (word:1.2) [less] BREAK more", 0),
        ("1girl, >:(, :|, <3, >_<, ^_^, long_hair", 0),
        ("CAT AND DOG", 0),
        ("a cat AND a dog", 1),
        ("Andy and Brandy", 0),
        ("at 12:30, 16:9", 0),
        ("", 0),
    ],
)
def test_syntax_of_web_uis(text: str, found: int) -> None:
    assert len(foreign_syntax(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a drawing of [name], [fileword]", {"[fileword]": "[filewords]"}),
        ("{name} in the rain, [name]", {"{name}": "[name]"}),
        ("a photo of a {}", {"{}": "[name]"}),
        ("<name>, [Name], [NAME], [ name ]", dict.fromkeys(["<name>", "[Name]", "[NAME]", "[ name ]"], "[name]")),
        (
            "[file words] {filewords} [FileWords]",
            dict.fromkeys(["[file words]", "{filewords}", "[FileWords]"], "[filewords]"),
        ),
        (
            "[file_words], [filwords], [filewrods]",
            dict.fromkeys(["[file_words]", "[filwords]", "[filewrods]"], "[filewords]"),
        ),
        ("[trigger], <embedding>", {"[trigger]": "[name]", "<embedding>": "[name]"}),
        ("a (name) and [name", {"(name)": "[name]", "[name": "[name]"}),
        ("%name% name]", {"%name%": "[name]", "name]": "[name]"}),
        ("[name], [filewords], ([name]:1.2), [[name]]", {}),
        ("[red] [game] {blue} <3 (filed) my name, filewords", {}),
    ],
)
def test_placeholders_that_are_none(text: str, found: dict[str, str]) -> None:
    assert misspelt_placeholders(text) == found
