from __future__ import annotations

from PIL import Image

from textual_inversion.core.pictures.grid import comparison_sheet

NASTY = "<img src=x onerror=alert(1)> 猫 " * 20


def test_pictures_stand_under_their_step_and_beside_their_prompt() -> None:
    red, blue = Image.new("RGB", (32, 32), (255, 0, 0)), Image.new("RGB", (64, 64), (0, 0, 255))
    sheet = comparison_sheet(
        title="cat" * 100,
        rows=["a cat", NASTY],
        columns=["step 10", "step 20"],
        pictures={(0, 0): red, (1, 1): blue},
        tile=(64, 48),
    )
    colours = {
        colour: sheet.width * sheet.height
        for _, colour in sheet.getcolors(1 << 20)
        if colour in ((255, 0, 0), (0, 0, 255))
    }
    assert set(colours) == {(255, 0, 0), (0, 0, 255)}
    pixels = sheet.load()
    places = {pixels[x, y]: (x, y) for y in range(sheet.height) for x in range(sheet.width)}
    assert places[0, 0, 255][0] - places[255, 0, 0][0] == 64 + 8
    assert places[0, 0, 255][1] - places[255, 0, 0][1] == 48 + 8
