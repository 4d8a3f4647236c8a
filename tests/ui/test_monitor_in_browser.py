"""The monitor beside a server that is played by hand: what it offers next, which step it proposes, what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from chromium import NEEDS_IT, launched, new_page
from scripted_page import ScriptedPage, place

pytestmark = NEEDS_IT

PROMPTS = """<div class="tabs"><div class="tab-nav"><button>Eins</button><button>Zwei</button></div>
<div class="tabitem" id="here"></div><div class="tabitem" id="prompts">
<div id="positive"><textarea>a photo of</textarea></div><div id="negative"><textarea></textarea></div></div></div>"""
BASE = {"id": "r", "name": "zebra", "total_steps": 300, "advice": [], "embedding": "/e/zebra.pt"}
DONE = {**BASE, "state": "done", "step": 300, "best_step": 200, "used_step": 300}
COPIES = [
    {"number": n, "event": "saved", "what": "copy", "step": step, "path": "p"}
    for n, step in enumerate((100, 200, 300), 1)
]


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


def shown(page: Any, run: dict[str, Any], events: list[dict[str, Any]]) -> ScriptedPage:
    monitor = place("monitor", tab="prompts", title="Zwei", target="positive", negative="negative")
    scripted = ScriptedPage(page, PROMPTS + monitor)
    scripted.answers.update({"runs": {"runs": [run]}, "embeddings/sheets": {"sheets": []}})
    scripted.open()
    if run["state"] != "resumable":
        scripted.wait("runs/r/events")
        scripted.answer("runs/r/events", {"run": run, "events": events, "more": False})
    return scripted


def test_the_best_step_is_marked_proposed_and_used(page: Any) -> None:
    scripted = shown(page, DONE, COPIES)
    assert page.locator(".ti-steps-list option").all_inner_texts() == ["100", "200 (best)", "300 (in use)"]
    assert page.input_value(".ti-steps-list") == "200"
    page.click("text=Use the best step, 200")
    scripted.wait("runs/r/use")
    used = {"step": 200, "file": "f", "kept": "k", "warnings": []}
    scripted.answer("runs/r/use", used)
    page.wait_for_selector(".ti-note:has-text('Step 200 is now zebra. What it replaced was kept: k.')")
    scripted.wait("runs/r/events")
    scripted.answer("runs/r/events", {"run": {**DONE, "used_step": 200}, "events": [], "more": False})
    assert page.locator(".ti-steps-list option").all_inner_texts() == ["100", "200 (best, in use)", "300"]
    assert page.locator("[data-act=use-best]").count() == 0


def test_a_step_that_a_person_chose_stays_chosen(page: Any) -> None:
    scripted = shown(page, {**DONE, "state": "running", "step": 250}, COPIES[:2])
    page.select_option(".ti-steps-list", "100")
    page.locator(".ti-steps-list").blur()
    scripted.wait("runs/r/events")
    scripted.answer("runs/r/events", {"run": {**DONE, "state": "running"}, "events": COPIES[2:], "more": False})
    assert page.locator(".ti-steps-list option").count() == 3
    assert page.input_value(".ti-steps-list") == "100"


@pytest.mark.parametrize(
    ("pair", "texts"),
    [
        ({"pair": "", "partner": ""}, ["a photo of zebra", ""]),
        ({"pair": "positive", "partner": "zebra-neg"}, ["a photo of zebra", "zebra-neg"]),
    ],
    ids=["alone", "pair"],
)
def test_what_was_trained_goes_into_the_prompt_once(page: Any, pair: dict[str, str], texts: list[str]) -> None:
    scripted = shown(page, DONE, COPIES)
    scripted.answers["embeddings"] = {"embeddings": [{"name": "zebra", **pair}]}
    page.evaluate("document.querySelectorAll('.tab-nav button')[1].onclick = () => { window.opened = true }")
    for _ in range(2):
        page.click("text=Use in Zwei")
        page.wait_for_selector("[data-act=use-in-prompt]:not([aria-busy])")
        assert [page.input_value(f"#{box} textarea") for box in ("positive", "negative")] == texts
    assert page.evaluate("window.opened")


def test_a_run_that_was_cut_off_is_offered_again(page: Any) -> None:
    scripted = shown(page, {**BASE, "state": "resumable", "step": 2}, [])
    page.wait_for_selector(".ti-next:has-text('zebra stopped at step 2 of 300. It can go on exactly there.')")
    page.click("[data-act=offer]")
    scripted.wait("runs/r/resume")


def test_a_run_without_a_step_says_what_it_does(page: Any) -> None:
    prepared = {"number": 1, "event": "prepared", "pictures": 8, "vectors": 2, "device": "cpu", "start_step": 0}
    run = {**DONE, "state": "running", "step": 0, "best_step": None, "used_step": None}
    shown(page, run, [{**prepared, "checkpoint": "c", "total_steps": 300}])
    assert page.inner_text(".ti-state") == "measuring the loss before the first step"


def test_figures_of_steps_that_were_taken_back_go_too(page: Any) -> None:
    told = [
        {"number": 1, "event": "evaluated", "step": 10, "loss": 0.1, "best": True, "gain": 0.25},
        {"number": 2, "event": "evaluated", "step": 20, "loss": 0.2, "best": False, "gain": -0.5},
        {"number": 3, "event": "rollback", "to_step": 10},
    ]
    shown(page, {**DONE, "state": "running"}, told)
    assert page.inner_text(".ti-figure:has-text('Gain over the word') b") == "25 %"
