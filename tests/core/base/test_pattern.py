"""Patterns that people write: right ones as `re` reads them, and no one that stops the program."""

from __future__ import annotations

import re
import threading
import time

import pytest

from textual_inversion.core.base import pattern
from textual_inversion.core.base.errors import InputError
from textual_inversion.core.base.pattern import Pattern


def made(text: str) -> Pattern:
    return Pattern(text, label="filename word regex", field="filename_regex")


@pytest.mark.parametrize("text", [r"\w+", r"[^_\-]+", r"(?i)[a-z]+|\d{2,4}", r"(?<=_)x", r"(a|b)\1", "", r"\bé\w*"])
def test_as_pythons_own(text: str) -> None:
    for name in ("a_man in-suit", "éclair_x 1234", "aa bb ab"):
        assert list(made(text).matches(name)) == [match[0] for match in re.finditer(text, name)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (r"(a|a)*$", "a" * 40 + "b"),
        (r"(a|aa)+$", "a" * 80 + "b"),
    ],
)
def test_one_that_would_take_for_ever_is_told_and_holds_nobody_up(
    text: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern, "_SECONDS", 0.3)
    ticks, stop = [], threading.Event()

    def work() -> None:
        while not stop.wait(0.01):
            ticks.append(time.monotonic())

    other = threading.Thread(target=work)
    other.start()
    try:
        with pytest.raises(InputError, match="takes too long on 'a") as caught:
            list(made(text).matches(name))
    finally:
        stop.set()
        other.join()
    assert caught.value.field == "filename_regex"
    assert len(ticks) > 5, "another thread stood still meanwhile"


@pytest.mark.parametrize(
    "text", ["(?:a{60000}){60000}", "a{1001}", "((((a{9}){9}){9}){9})", "a|" * 300, "(?:a{,50}){ 50 }", "x" * 501]
)
def test_too_large_a_one_is_refused_before_it_is_compiled(text: str) -> None:
    began = time.process_time()
    with pytest.raises(InputError, match="is too large: at most"):
        made(text)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("text", ["(", "[a", "*", "(?P<", "(" * 400, "a{2,1}"])
def test_what_is_none_is_explained(text: str) -> None:
    with pytest.raises(InputError, match="is not a regular expression: "):
        made(text)


def test_many_slow_ones_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in time, all together not."""
    monkeypatch.setattr(pattern, "_SECONDS", 0.05)
    slow = made(r"(a|a)*$")

    def match_all() -> None:
        for length in range(10, 60):
            list(slow.matches("a" * length + "b"))

    with pytest.raises(InputError, match="takes too long"):
        match_all()
