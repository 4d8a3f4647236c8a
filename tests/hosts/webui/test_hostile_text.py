"""Names, captions, notes and metadata that are HTML: shown as text on every page, and run nowhere."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from webui_page import TAB, Window
from webui_server import Server

from textual_inversion.core.formats import read_embedding, write_embedding
from textual_inversion.demo.concepts import write_concept

pytestmark = pytest.mark.host
NASTY = "<img src=x onerror=window.hacked=1>"
FILE_NAME = "<img src=x onerror=hacked=1>"


@pytest.fixture(scope="module")
def nasty_pictures(webui_copy: Path) -> Path:
    folder = webui_copy / "nasty" / FILE_NAME
    for path in write_concept(folder):
        path.with_suffix(".txt").write_text(f"{NASTY}, on a blue background")
    return folder


@pytest.fixture(scope="module")
def nasty_embedding(server: Server) -> str:
    """As somebody may have put it online: a picture that carries vectors, with all its texts chosen by them."""
    server.create("plain1")
    folder = server.folder / "embeddings"
    named = dataclasses.replace(
        read_embedding(folder / "plain1.pt"), name=NASTY, checkpoint_name=NASTY, notes={"init_text": NASTY}
    )
    write_embedding(named, folder / f"{FILE_NAME}.png", file_format="png")
    card = {"description": NASTY, "notes": NASTY, "activation text": NASTY, "sd version": NASTY}
    (folder / f"{FILE_NAME}.json").write_text(json.dumps(card))
    (folder / "plain1.json").write_text(json.dumps(card))
    server.post("/sdapi/v1/refresh-embeddings")
    return NASTY


@pytest.mark.usefixtures("nasty_embedding")
def test_shown_as_text_everywhere(server: Server, window: Callable[[], Window], nasty_pictures: Path) -> None:
    server.train("plain1", nasty_pictures, steps=20, image_every=10, preview_prompts=[f"{NASTY} plain1"])
    page = window()
    page.our_tab("Train")
    page.state("running", "done")
    server.state("plain1", "done")
    page.state("done")
    page.page.wait_for_function(f"document.querySelector('{TAB} .ti-prompt').textContent.includes('onerror')")
    page.see(f"{TAB} .ti-preview img")
    page.page.locator(f"{TAB} .ti-preview").first.click()
    page.fill("train", data=nasty_pictures, width=64, height=64)
    page.press("train", "check")
    page.see(f"{TAB} .ti-message")
    tabs = page.page.locator(f"{TAB} > div > .tabs > .tab-nav > button, {TAB} .tab-nav > button")
    for index in range(tabs.count()):
        if tabs.nth(index).is_visible():
            tabs.nth(index).click()
            page.page.wait_for_timeout(300)
    page.our_tab("Library")
    for name in ("onerror", "plain1"):
        page.page.locator(f"{TAB} .ti-library button:has-text('{name}')").first.click()
        page.page.wait_for_function(f"document.querySelector('{TAB} .ti-library').textContent.includes('onerror')")
        page.page.wait_for_timeout(1000)
    page.cards()
    page.card("plain1")
    assert page.page.evaluate("window.hacked") is None
    assert page.page.locator(f"{TAB} img[src=x], {TAB} img[src$='/x']").count() == 0
    assert page.dialogs == []
