"""The extension off, and on again: the web UI is as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from webui_server import EXTENSION, Server

pytestmark = pytest.mark.host


@pytest.fixture
def without(server: Server) -> Iterator[Server]:
    config = server.folder / "config.json"
    before = json.loads(config.read_text())
    server.stop()
    config.write_text(json.dumps({**before, "disabled_extensions": [EXTENSION]}))
    server.start()
    yield server
    server.stop()
    config.write_text(json.dumps({**json.loads(config.read_text()), "disabled_extensions": []}))
    server.start()


def test_switched_off_it_leaves_nothing(without: Server, browser: Any) -> None:
    page = browser.new_page()
    page.goto(without.url)
    page.wait_for_selector("#txt2img_generate")
    assert page.locator("#tab_textual_inversion").count() == 0
    assert page.evaluate("typeof window.textualInversionAsk") == "undefined"
    assert without.ask("runs")[0] == 404
    widgets = json.loads((without.folder / "ui-config.json").read_text())
    assert [key for key in widgets if key.startswith(("textual_inversion/", "ti-"))] == []
    picture = without.post("/sdapi/v1/txt2img", prompt="a red circle", steps=1, width=64, height=64)
    assert len(picture["images"]) == 1
    page.close()
