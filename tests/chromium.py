"""A Chromium for tests that look at pages, where one is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000
"""Milliseconds: test machines are slow, and a page that works needs a fraction of it."""

NEEDS_IT = [pytest.mark.browser, pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium is installed")]


@contextmanager
def launched() -> Iterator[Any]:
    """The browser while the block runs; the test is skipped without Playwright."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as starter:
        browser = starter.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        yield browser
        browser.close()


def new_page(browser: Any, *, width: int = 1280, height: int = 900) -> Any:
    """A page with cookies of its own, which notes in ``faults`` what its scripts raise."""
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.set_default_timeout(PATIENCE)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    return page


def open_tab(page: Any, name: str) -> None:
    """One of our tabs by its words, in every version of Gradio."""
    page.locator(f".tab-nav > button:text-is('{name}'):visible, [role=tab]:text-is('{name}'):visible").first.click()
