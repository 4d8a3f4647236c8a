"""Functions of a web UI that go through ours: undone exactly, whoever else patches them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from textual_inversion.hosts.patched import Patched


@pytest.fixture
def kind() -> Any:
    class Kind:
        def name(self, text: str) -> str:
            """Its own words."""
            return f"first {text}"

    return Kind


def _marked(mark: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    return lambda first: lambda *arguments, **named: f"{mark}({first(*arguments, **named)})"


def test_it_is_called_around_the_first_and_put_back(kind: Any) -> None:
    first = vars(kind)["name"]
    patch = Patched(kind, "name", _marked("ours"))
    assert kind().name("x") == kind().name(text="x") == "ours(first x)"
    assert kind.name.__doc__ == "Its own words."
    patch.remove()
    assert vars(kind)["name"] is first


def test_one_that_came_later_stays_and_ours_is_silent(kind: Any) -> None:
    patch = Patched(kind, "name", _marked("ours"))
    theirs = _marked("theirs")(kind.name)
    kind.name = theirs
    patch.remove()
    assert vars(kind)["name"] is theirs
    assert kind().name("x") == "theirs(first x)"
    again = Patched(kind, "name", _marked("ours"))
    assert kind().name("x") == "ours(theirs(first x))"
    again.remove()
    assert vars(kind)["name"] is theirs


def test_one_that_was_there_before_and_goes_first_is_not_brought_back(kind: Any) -> None:
    first = kind.name
    kind.name = _marked("theirs")(first)
    patch = Patched(kind, "name", _marked("ours"))
    kind.name = first  # the other extension, putting back what it found
    patch.remove()
    assert kind().name("x") == "first x"
