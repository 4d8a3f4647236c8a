"""Routes by a decorator: what an address and a body become, and what is imported for them when."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.base.options import FileData, LongText, option
from textual_inversion.runs.errors import UnknownRunError
from textual_inversion.web.described_form import described_form
from textual_inversion.web.routing import Routes, RouteTable, route


@dataclass(frozen=True, kw_only=True)
class AskRequest:
    thing: str = option("", "Thing", group="Ask", help="Which.")
    after: int = option(0, "After", group="Ask", low=0, help="From here.")
    deep: bool = option(False, "Deep", group="Ask", help="All of it.")
    most: int | None = option(None, "Most", group="Ask", low=1, help="As many.")


class Things(Routes):
    def defaults(self, request: type[Any]) -> dict[str, Any]:
        return {"after": 3}

    @route("GET", "/things/{thing}", AskRequest, answer="it")
    def show(self, request: AskRequest) -> dict[str, Any]:
        return vars(request)

    @route("POST", "/things/{thing}/change", AskRequest, answer="it")
    def change(self, request: AskRequest) -> dict[str, Any]:
        return vars(request)


def answer(method: str, path: str, **given: Any) -> dict[str, Any]:
    bound, parts = RouteTable([Things()]).find(method, path)
    return dict(bound.answer(parts, given))


def test_texts_of_an_address_become_what_the_fields_are() -> None:
    found = answer("GET", "/things/a b", after="12", deep="true", most="5", cache="7")
    assert found == {"thing": "a b", "after": 12, "deep": True, "most": 5}
    assert answer("HEAD", "/things/x") == {"thing": "x", "after": 3, "deep": False, "most": None}
    for text in ("x", "-1", "1.5", "١", "", "9" * 17):
        with pytest.raises(InputError) as caught:
            answer("GET", "/things/x", after=text)
        assert caught.value.field == "after"
    with pytest.raises(InputError, match="deep: 'yes' is not yes or no"):
        answer("GET", "/things/x", deep="yes")


def test_a_body_keeps_its_kinds_and_cannot_contradict_the_address() -> None:
    assert answer("POST", "/things/x/change", after=9)["after"] == 9
    with pytest.raises(InputError, match="'thing' is part of the address"):
        answer("POST", "/things/x/change", thing="y")
    with pytest.raises(InputError, match="no setting called 'cache'"):
        answer("POST", "/things/x/change", cache=1)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/things/x"), ("GET", "/things"), ("GET", "/things/"), ("GET", "/things/x/y/z")]
)
def test_nothing_elsewhere(method: str, path: str) -> None:
    with pytest.raises(UnknownRunError, match="There is nothing at this address"):
        answer(method, path)


@dataclass(frozen=True, kw_only=True)
class AllKinds:
    word: str = option("", "Word", group="A", help="w")
    notes: LongText | None = option(None, "Notes", group="A", help="n")
    data: FileData = option("", "File", group="A", help="f")
    kind: Literal["a", "b"] = option("a", "Kind", group="B", help="k", shown={"a": "The first"})
    any_of: tuple[Literal["x", "y"], ...] = option((), "Any", group="B", help="o")
    lines: tuple[str, ...] = option((), "Lines", group="B", help="l")
    numbers: tuple[int, ...] = option((), "Numbers", group="B", help="u")
    format: str = option("", "Format", group="B", help="f", advanced=True)
    hidden: str = option("", "Hidden", group="B", help="h")
    count: float = option(1.0, "Count", group="B", low=0, high=2, step=0.5, help="c")


def test_a_form_says_all_that_a_page_needs() -> None:
    fields = described_form(AllKinds, {"word": "given"}, choices={"format": {"pt": "for all"}}, skip=["hidden"])
    assert [(field["name"], field["kind"], field["optional"]) for field in fields] == [
        ("word", "text", False),
        ("notes", "long text", True),
        ("data", "file", False),
        ("kind", "choice", False),
        ("any_of", "choices", False),
        ("lines", "texts", False),
        ("numbers", "numbers", False),
        ("format", "choice", False),
        ("count", "number", False),
    ]
    by_name = {field["name"]: field for field in fields}
    assert by_name["word"]["value"] == "given"
    assert (by_name["kind"]["choices"], by_name["kind"]["words"]) == (["a", "b"], {"a": "The first", "b": "b"})
    assert (by_name["any_of"]["choices"], by_name["any_of"]["words"]) == (["x", "y"], {"x": "x", "y": "y"})
    assert (by_name["format"]["choices"], by_name["format"]["words"]) == (["pt"], {"pt": "for all"})
    assert {key: by_name["count"][key] for key in ("low", "high", "step", "label", "group")} == {
        "low": 0, "high": 2, "step": 0.5, "label": "Count", "group": "B",
    }  # fmt: skip


def test_a_web_ui_that_starts_imports_no_routes() -> None:
    """They read all of the formats, the preparing of pictures and the training; the first call imports them."""
    code = (
        "import sys, starlette.applications, textual_inversion.web.app as app\n"
        "from textual_inversion.runs.gate import FifoGate\n"
        "from textual_inversion.runs.manager import RunManager\n"
        "app.mount(starlette.applications.Starlette(), RunManager(None, FifoGate(), train=print))\n"
        "heavy = ('web.routes', 'core.formats', 'core.run.', 'core.loss', 'prepare', 'library')\n"
        "print(*[m for m in sys.modules if m.startswith(tuple(f'textual_inversion.{each}' for each in heavy))])\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
