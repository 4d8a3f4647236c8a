"""The masks panel in a real web UI: a stroke is spread by the loaded checkpoint's VAE, undone, spread again and saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from webui_page import TAB, Window

pytestmark = pytest.mark.host
PANEL = f"{TAB} [data-ti-prepare]"


def test_a_stroke_is_spread_and_saved_as_an_attention_map(
    pictures: Path, window: Callable[[], Window], tmp_path: Path
) -> None:
    opened = window()
    opened.our_tab("Prepare")
    page = opened.page

    def press(name: str) -> None:
        page.locator(f"{PANEL} button:visible", has_text=name).first.click()

    def told(text: str) -> None:
        page.locator(f"{PANEL} .ti-note:visible", has_text=text).first.wait_for()

    press("Masks")
    page.locator(f"{PANEL} input[type=text]:visible").first.fill(str(pictures))
    press("Show")
    page.locator(f"{PANEL} .ti-mask-choice").first.click()
    press("Nothing learned")
    canvas = page.locator(f"{PANEL} .ti-mask-canvas")
    canvas.scroll_into_view_if_needed()
    page.locator(f"{PANEL} input[aria-label='Learned, %']").fill("100")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 8, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    drawn = canvas.evaluate("canvas => canvas.toDataURL()")
    press("Spread over what looks alike")
    told("Spread. Undo brings back")
    assert canvas.evaluate("canvas => canvas.toDataURL()") != drawn
    press("Undo")
    assert canvas.evaluate("canvas => canvas.toDataURL()") == drawn
    press("Spread over what looks alike")
    told("Spread. Undo brings back")
    canvas.screenshot(path=tmp_path / "spread.png")
    page.locator(f"{PANEL} label:visible", has_text="Attention map").locator("input").check()
    press("Save mask")
    told("_att.png.")
    (saved,) = pictures.glob("*_att.png")
    try:
        with Image.open(saved) as image:
            assert (image.size, image.mode) == ((64, 64), "L")
    finally:
        saved.unlink()
