"""The Prepare tab clicked through in Chromium: preprocess, edit and undo, mask, check, on to Train."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import NEEDS_IT, launched, new_page, open_tab
from engine_world import make_world
from mixed_files import make_folder
from PIL import Image

NASTY = "<img src=x onerror=window.hacked=1>"
PANEL = "[data-ti-prepare]"
TRANSLATE = """() => {
    for (const button of document.querySelectorAll("button")) if (button.textContent.trim() === "Train") button.textContent = "Üben";
}"""
"""As web UIs do with the words of tabs in other languages."""

pytestmark = NEEDS_IT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    make_folder(folder / "raw", 15)
    for caption in (folder / "raw").glob("*.txt"):
        caption.write_text(f"{NASTY}, a tag")
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from textual_inversion.ui.standalone import serving

    world = make_world(tmp_path_factory.mktemp("app"))
    with serving(world.host, port=7985, log_dir=str(world.folder / "log")) as url, launched() as browser:
        page = new_page(browser, width=1300)
        page.goto(url)
        yield page


def press(page: object, name: str, *, last: bool = False) -> None:
    found = page.locator(f"{PANEL} button:visible", has_text=name)
    (found.last if last else found.first).click()


def fill(page: object, field: str, value: str) -> None:
    page.locator(f"{PANEL} [data-field={field}] input").first.fill(value)


def note(page: object, text: str) -> None:
    page.locator(f"{PANEL} .ti-note:visible", has_text=text).first.wait_for()


def test_from_raw_pictures_to_training(page: object, folder: Path) -> None:
    open_tab(page, "Prepare")
    preprocess(page, folder)
    edit(page, folder)
    draw_a_mask(page, folder)
    check(page, folder)
    assert page.faults == []
    assert page.evaluate("window.hacked") is None


def preprocess(page: object, folder: Path) -> None:
    page.locator(f"{PANEL} [data-field=source] input").wait_for()
    press(page, "Preprocess", last=True)
    page.locator(f"{PANEL} [data-field=source] .ti-refused").wait_for()
    fill(page, "source", str(folder / "raw"))
    fill(page, "destination", str(folder / "done"))
    fill(page, "width", "128")
    fill(page, "height", "128")
    page.get_by_label("Horizontal").check()
    press(page, "Preview")
    page.locator(f"{PANEL} .ti-results img").first.wait_for()
    assert not (folder / "done").exists()
    press(page, "Preprocess", last=True)
    page.locator(f"{PANEL} .ti-job[data-state=done]").wait_for()
    told = page.locator(f"{PANEL} .ti-job .ti-state").first.inner_text()
    assert told == "20 pictures made from 10 files, 2 left out, 3 unreadable, 2 captions and masks."
    press(page, "3 unreadable")
    assert page.locator(f"{PANEL} .ti-report li:visible").count() == 3
    assert len(list((folder / "done").glob("*.png"))) == 20


def edit(page: object, folder: Path) -> None:
    press(page, "Edit captions", last=True)
    cards = page.locator(f"{PANEL} .ti-caption-card")
    cards.first.wait_for()
    assert cards.count() == 20
    box = cards.first.locator("textarea")
    box.fill(f"{NASTY} by hand")
    box.blur()
    page.locator(f"{PANEL} textarea[data-state=saved]").wait_for()
    name = cards.first.locator("b").inner_text()
    assert (folder / "done" / name).with_suffix(".txt").read_text() == f"{NASTY} by hand"
    page.get_by_label("Tag", exact=True).fill("indoors")
    press(page, "Add at the end")
    note(page, "20 captions changed.")
    press(page, "Undo: Added 'indoors'")
    note(page, "Undone: Added 'indoors'.")
    assert (folder / "done" / name).with_suffix(".txt").read_text() == f"{NASTY} by hand"
    press(page, "Take out")
    page.locator(f"{PANEL} .ti-excluded li").wait_for()
    assert not (folder / "done" / name).exists()
    press(page, "Put back")
    page.locator(f"{PANEL} .ti-excluded li").wait_for(state="detached")
    assert (folder / "done" / name).exists()


def draw_a_mask(page: object, folder: Path) -> None:
    press(page, "Masks")
    page.locator(f"{PANEL} .ti-mask-choice").first.click()
    canvas = page.locator(f"{PANEL} .ti-mask-canvas")
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 60, steps=4)
    page.mouse.up()
    press(page, "Spread over what looks alike")
    note(page, "Spread. Undo brings back")
    press(page, "Undo")
    press(page, "Save mask")
    note(page, "_mask.png.")
    (mask,) = (folder / "done").glob("*_mask.png")
    with Image.open(mask) as image:
        across = 128 / box["width"]
        assert image.size == (128, 128)
        assert image.getpixel((int(130 * across), int(60 * across))) == 0
        assert image.getpixel((120, 120)) == 255


def check(page: object, folder: Path) -> None:
    page.locator(f"{PANEL} .ti-tab", has_text="Check").click()
    press(page, "Check", last=True)
    page.locator(f"{PANEL} .ti-summary").wait_for()
    assert page.locator(f"{PANEL} .ti-summary").inner_text().startswith("20 pictures")
    page.evaluate(TRANSLATE)
    press(page, "Train on this folder", last=True)
    page.wait_for_function(
        "folder => document.querySelector('#ti-train-data textarea')?.value === folder", arg=str(folder / "done")
    )
