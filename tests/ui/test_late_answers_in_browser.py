"""Answers that come late do not overwrite newer ones, whatever order a slow server gives them in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from chromium import NEEDS_IT, launched, new_page
from scripted_page import ScriptedPage, field, place

pytestmark = NEEDS_IT

PREPARE = {
    "start": [field("source")],
    "caption": [field("prefix")],
    "check": [field("folder"), field("width", kind="number", value=64)],
    "edit": [
        field("action", kind="choice", choices=["replace", "remove"], words={"replace": "Replace", "remove": "Remove"}),
        field("find"),
        field("text"),
        field("first", kind="yes-no", value=False),
    ],
    "mask": [field("graded", kind="yes-no", value=False)],
}
RUN = {"id": "r", "name": "zebra", "state": "running", "step": 2, "total_steps": 10, "advice": []}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = new_page(browser)
    yield page
    assert page.faults == []
    page.scripted.leave()


def folder_of(*names: str) -> dict[str, Any]:
    pictures = [{"name": name, "caption": name, "written": True, "mask": "", "graded": False} for name in names]
    return {"folder": "", "pictures": pictures, "tags": [], "excluded": [], "undo": ""}


def embedding(name: str) -> dict[str, Any]:
    return {"name": name, "file": f"{name}.pt", "vectors": 1, "step": 0, "kind": "SD 1", "picture": None, "pair": ""}


def prepare(page: Any) -> ScriptedPage:
    scripted = ScriptedPage(page, place("prepare"))
    scripted.answers.update({"prepare/form": PREPARE, "prepare/jobs": {"jobs": []}})
    scripted.open()
    return scripted


def ask_for(page: Any, folder: str) -> None:
    page.locator("input[aria-label='folder']:visible, input[placeholder='folder']:visible").first.fill(folder)
    page.locator("button:text-is('Show'):visible").click()


@pytest.mark.parametrize(("panel", "shown"), [("captions", ".ti-caption-card b"), ("masks", ".ti-mask-choice img")])
def test_the_folder_asked_for_last_is_the_one_that_stays(page: Any, panel: str, shown: str) -> None:
    scripted = prepare(page)
    page.click(f"[data-panel={panel}]")
    ask_for(page, "one")
    ask_for(page, "two")
    asked = scripted.wait("prepare/folder", count=2)
    assert [query["folder"] for query in asked] == ["one", "two"]
    scripted.answer("prepare/folder", folder_of("of-two.png", "of-two-as-well.png"), at=1)
    assert page.locator(shown).count() == 2
    scripted.answer("prepare/folder", folder_of("of-one.png"))
    assert page.locator(shown).count() == 2


def test_a_list_of_embeddings_read_before_another_was_made_does_not_hide_it(page: Any) -> None:
    scripted = ScriptedPage(page, place("cards"))
    scripted.open()
    scripted.wait("embeddings")
    page.evaluate("document.dispatchEvent(new CustomEvent('ti-embeddings-changed'))")
    scripted.wait("embeddings", count=2)
    scripted.answer("embeddings", {"embeddings": [embedding("old"), embedding("new")]}, at=1)
    scripted.answer("embeddings", {"embeddings": [embedding("old")]})
    assert page.locator(".ti-card b").all_inner_texts() == ["old", "new"]


def test_a_run_chosen_again_while_its_events_are_on_the_way_is_told_from_its_beginning(page: Any) -> None:
    scripted = ScriptedPage(page, place("monitor"))
    scripted.answers["runs"] = {"runs": [RUN]}
    scripted.open()
    warned = [{"number": number, "event": "warning", "message": f"told {number}"} for number in (1, 2, 3)]
    scripted.wait("runs/r/events")
    scripted.answer("runs/r/events", {"run": RUN, "events": warned[:2], "more": False})
    assert scripted.wait("runs/r/events") == [{"after": "2"}]
    page.evaluate("document.dispatchEvent(new CustomEvent('ti-run-started', {detail: 'r'}))")
    scripted.answer("runs/r/events", {"run": RUN, "events": warned[2:], "more": False})
    assert scripted.wait("runs/r/events") == [{"after": "0"}]
    scripted.answer("runs/r/events", {"run": RUN, "events": warned, "more": False})
    assert page.inner_text(".ti-latest") == "told 3"
    assert page.locator(".ti-messages p").all_inner_texts() == ["told 2", "told 1"]


MORE = {"path": "p", "size": 1, "modified": 1, "widths": {}, "figures": {}, "metadata": {}, "runs": [], "format": "f"}


def library(page: Any) -> ScriptedPage:
    scripted = ScriptedPage(page, place("library"))
    scripted.answers["embeddings"] = {"embeddings": [embedding("one"), embedding("two")], "formats": [], "trash": 0}
    scripted.answers["embeddings/form"] = {"card": [field("notes", kind="long text")], "rename": [field("name")]}
    scripted.open()
    return scripted


def test_a_form_that_was_opened_meanwhile_is_not_closed_by_a_late_answer(page: Any) -> None:
    scripted = library(page)
    for _ in range(2):
        page.click(".ti-lib-card:has-text('one')")
    scripted.wait("embeddings/details", count=2)
    scripted.answer("embeddings/details", {**embedding("one"), **MORE}, at=1)
    page.click(".ti-lib-card:has-text('one')")
    page.click("[data-act=rename]")
    page.fill(".ti-dialog[aria-label=G] [data-field=name] input", "half a na")
    scripted.answer("embeddings/details", {**embedding("one"), **MORE}, at=1)
    assert page.input_value(".ti-dialog[aria-label=G] [data-field=name] input") == "half a na"


def test_details_of_the_embedding_chosen_last_stay(page: Any) -> None:
    scripted = library(page)
    page.click(".ti-lib-card:has-text('one')")
    page.click(".ti-lib-card:has-text('two')")
    scripted.wait("embeddings/details", count=2)
    scripted.answer("embeddings/details", {**embedding("two"), **MORE}, at=1)
    scripted.answer("embeddings/details", {**embedding("one"), **MORE})
    assert page.inner_text(".ti-lib-details h3") == "two"
