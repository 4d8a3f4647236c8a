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
_OFTEN = 4000

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
    """One of our tabs by its words, in every version of Gradio; newer ones put what has no room into a list."""
    shown = page.locator(f".tab-nav > button:text-is('{name}'):visible, [role=tab]:text-is('{name}'):visible")
    shown.or_(page.locator(".overflow-menu > button:visible")).first.wait_for()
    if not shown.count():
        page.locator(".overflow-menu > button:visible").click()
        page.locator(f".overflow-dropdown button:text-is('{name}')").click()
        return
    shown.first.click()


def press(page: Any, selector: str, *, until: str) -> None:
    """Press until something is seen: Gradio draws buttons before they work, and takes no second press while the first is under way."""
    for _ in range(PATIENCE // _OFTEN):
        page.click(selector)
        try:
            page.wait_for_selector(until, timeout=_OFTEN)
        except Exception as error:
            if type(error).__name__ != "TimeoutError":
                raise
            continue
        return
    raise AssertionError(f"{selector} was pressed, and {until} never came")
