"""The HTTP routes of a web UI with a login, and its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from webui_page import MONITOR
from webui_server import Server

pytestmark = pytest.mark.host
PERSON, PROGRAM = ("lena", "open sesame"), ("robot", "c3po")
READING = ("runs", "embeddings", "queue")
CHANGING = ("create", "train", "convert")


@pytest.fixture(scope="module")
def guarded(server: Server) -> Iterator[Server]:
    server.restart("--gradio-auth", ":".join(PERSON), "--api-auth", ":".join(PROGRAM))
    yield server
    server.restart()


def test_nothing_answers_without_credentials(guarded: Server) -> None:
    for login in (None, ("lena", "wrong"), ("nobody", "open sesame")):
        for route in READING:
            status, answer = guarded.ask(route, login=login)
            assert status == 401, route
            assert "login" in answer["error"]
        for route in CHANGING:
            assert guarded.ask(route, {"name": "intruder1"}, login=login)[0] == 401, route
    assert not (guarded.folder / "embeddings" / "intruder1.pt").exists()


@pytest.mark.parametrize("login", [PERSON, PROGRAM], ids=["the page's", "the API's"])
def test_either_login_opens_them(guarded: Server, login: tuple[str, str]) -> None:
    for route in READING:
        assert guarded.ask(route, login=login)[0] == 200, route
    name = f"of-{login[0]}"
    assert guarded.ask("create", {"name": name, "overwrite": True}, login=login)[0] == 200
    assert (guarded.folder / "embeddings" / f"{name}.pt").is_file()


def test_pages_of_other_sites_are_refused_even_with_the_login(guarded: Server) -> None:
    body = {"name": "foreign1"}
    status, answer = guarded.ask("create", body, login=PERSON, headers={"Origin": "http://elsewhere.example"})
    assert (status, "elsewhere.example" in answer["error"]) == (403, True)
    status, _ = guarded.ask("create", body, login=PERSON, headers={"Content-Type": "text/plain"})
    assert status == 400


def test_the_page_has_what_it_needs_after_logging_in(guarded: Server, browser: Any) -> None:
    page = browser.new_page()
    page.goto(guarded.url)
    page.fill("input[type=text], textarea", PERSON[0])
    page.fill("input[type=password]", PERSON[1])
    page.get_by_role("button", name="Login").click()
    page.wait_for_selector("#txt2img_generate")
    answer = page.evaluate("fetch('textual-inversion/v1/runs').then(answer => answer.status)")
    assert answer == 200
    page.locator("#tabs > .tab-nav > button").get_by_text("Textual Inversion", exact=True).click()
    page.locator("#tab_textual_inversion .tab-nav > button").get_by_text("Train", exact=True).first.click()
    page.wait_for_selector(f"{MONITOR}[data-state]")
    assert "login" not in page.inner_text(MONITOR)
    page.close()


def test_with_listen_paths_stay_inside_the_web_ui(guarded: Server, tmp_path: Any) -> None:
    guarded.restart("--listen")
    outside = {"name": "far1", "data": [str(tmp_path)], "steps": 1}
    assert guarded.ask("create", {"name": "far1", "overwrite": True})[0] == 200
    status, answer = guarded.ask("train", outside)
    assert (status, answer["field"]) == (400, "data")
    assert str(guarded.folder) in answer["error"]
    assert guarded.ask("convert", {"source": str(tmp_path / "a.pt"), "target": "b.pt"})[0] == 400
