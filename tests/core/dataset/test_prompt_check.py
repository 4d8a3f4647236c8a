"""Captions and templates, before a run has begun."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from textual_inversion.core.dataset.items import DatasetItem
from textual_inversion.core.dataset.prompt_check import PromptCheck
from textual_inversion.core.dataset.templates import Template


def check(lines: str, *captions: str, **known: object) -> PromptCheck:
    items = [
        DatasetItem(
            path=Path(f"{index}.png"), source_size=(64, 64), size=(64, 64), box=(0, 0, 64, 64), caption=caption,
            caption_file=Path(f"{index}.txt"),
        )
        for index, caption in enumerate(captions)
    ]  # fmt: skip
    template = Template(path=Path("mine.txt"), lines=tuple(lines.split("\n")))
    return PromptCheck(template=template, items=items, **{"names": ("my-cat",), **known})


def told(made: PromptCheck) -> dict[str, str]:
    assert made.problems() == []
    return {finding.kind: finding.message for finding in made.findings()}


def refused(made: PromptCheck) -> list[tuple[str | None, str]]:
    return [(problem.field, problem.message) for problem in made.problems()]


def test_every_caption_that_cannot_be_read_is_named() -> None:
    made = check("[name], [filewords]", "fine", "screenshot (windows:3.1.1)", "(a:.)", "(1920:1080)")
    problems = refused(made)
    assert [(field, message[:6]) for field, message in problems] == [
        ("data", "1.txt:"),
        ("data", "2.txt:"),
        ("data", "3.txt:"),
    ]
    assert "The weight '3.1.1' in the prompt 'screenshot (windows:3.1.1)' is not a number" in problems[0][1]


def test_captions_that_no_prompt_shows_may_say_what_they_like() -> None:
    assert told(check("a photo of [name]", "(windows:3.1.1)", "((", "<lora:x:1>")) == {}


def test_lines_of_a_template_that_cannot_be_read() -> None:
    ((field, message),) = refused(check("a [name]\n(windows:3.1.1), [name]", "fine"))
    assert field == "template"
    assert message.startswith("mine.txt: The weight '3.1.1' in the prompt '(windows:3.1.1),")


def test_what_only_breaks_together() -> None:
    assert refused(check("(a photo of [name], [filewords]", "windows:3.1.1)"))[0][0] == "data"
    assert refused(check("[filewords] windows:3.1.1), [name]", "(old"))[0][0] == "template"
    assert refused(check("[name], [filewords]", "windows:3.1.1), (old", torn=True))[0][0] == "data"
    assert told(check("[name], [filewords]", "windows:3.1.1)")) == {
        "brackets-unbalanced": "Brackets that do not pair up: an open one weighs all that follows, the embedding too. Close it, or "
        "write \\( for a bracket that is meant: 0.txt."
    }


@pytest.mark.parametrize("captions", [["a plain one", "another"], [""], ["", ""], ["my-cats", "in my cat-tree"]])
def test_prompts_that_never_hold_the_name_are_refused(captions: list[str]) -> None:
    ((field, message),) = refused(check("[filewords]\na photo of [filewords]", *captions))
    assert field == "template"
    assert "no prompt of the template mine.txt holds [name], and" in message
    assert ("none of the captions holds 'my-cat'" in message) == bool(captions[0])


@pytest.mark.parametrize("caption", ["my-cat on a mat", "My-Cat", "[name] on a mat", "a photo of (my-cat:1.2)"])
def test_one_caption_that_holds_it_is_enough_and_the_others_are_counted(caption: str) -> None:
    message = told(check("[filewords]", caption, "a dog", ""))["caption-without-name"]
    assert message.startswith(
        "1 of 1 prompts in mine.txt leave the name to the caption, and 2 of 3 pictures have none that holds 'my-cat': 1.txt, "
        "2.png. A step with such a prompt teaches the embedding nothing."
    )


def test_where_the_template_has_the_name_captions_need_not() -> None:
    assert told(check("[name], [filewords]", "a dog", "")) == {}
    assert set(told(check("[filewords]\n[name]", "a dog"))) == {"caption-without-name"}


def test_without_a_name_nothing_is_refused() -> None:
    message = told(check("[filewords]", "my-cat", names=()))["caption-without-name"]
    assert "holds [name] (and the embedding's name is not known here): 0.txt" in message


def test_a_longer_name_in_the_way_is_told_before_the_run() -> None:
    ((field, message),) = refused(check("[filewords]", "a my-cat blue", "my-cat", others=("my-cat blue",)))
    assert (field, message[:6]) == ("data", "0.txt:")
    assert "take another embedding, whose name is longer, in place of 'my-cat'" in message
    assert told(check("[filewords]", "my-cat and my-cat blue", others=("my-cat blue",))) == {}
    assert told(check("[name], [filewords]", "a my-cat blue", others=("my-cat blue",))) == {}


def test_brackets_are_named() -> None:
    found = told(
        check("[name], [filewords]", "1girl, :(, rain", "miku (vocaloid)", "a view (ratio 16:9), (a:0.1)", "(a:1.2)")
    )
    assert found["brackets-unbalanced"].endswith(": 0.txt.")
    assert found["weight-unusual"] == "A bracket gives a weight outside of 0.3 to 2, which was hardly meant: 2.txt."
    assert found["brackets"].endswith("Write \\( \\) where they belong to the words: 1.txt.")
    assert set(found) == {"brackets-unbalanced", "weight-unusual", "brackets"}


def test_brackets_around_tags_that_are_shuffled() -> None:
    caption = "(red, blue:1.3), cat"
    assert told(check("[name], [filewords]", caption)) == {}
    assert told(check("[name], [filewords]", caption, torn=True))["brackets-torn"].endswith("it comes apart: 0.txt.")


def test_syntax_that_means_nothing_here() -> None:
    found = told(check("[name], [filewords]", "a <lora:foo:0.8> AND b", "a photo of {name}", "[filewords]"))
    assert "read as words (<lora:foo:0.8>, AND): 0.txt." in found["prompt-syntax"]
    assert found["placeholder"].startswith("Not filled in, but read as words: {name}, [filewords].")
    assert found["placeholder"].endswith(": 1.txt, 2.txt.")


def test_many_captions_are_quick() -> None:
    captions = [
        f"{index}girl, (long hair:1.2), sitting on a [red] chair, my-cat, looking at viewer" for index in range(30_000)
    ]
    began = time.process_time()
    made = check("[filewords]\n" + "\n".join(f"a photo of [name], {n}, [filewords]" for n in range(27)), *captions)
    assert set(told(made)) == {"brackets"}
    assert time.process_time() - began < 12
