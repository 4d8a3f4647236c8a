"""The sheet of before and after."""

from __future__ import annotations

from PIL import Image

from textual_inversion.demo.sheet import GAP, LABEL_WIDTH, TILE, Compared, sheet

RED, BLUE, GREEN = (250, 0, 0), (0, 0, 250), (0, 250, 0)


def plain(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (16, 16), colour)


def column(page: Image.Image, index: int) -> list[tuple[int, int, int]]:
    """The colours down the middle of a column of pictures, paper and repetitions left out."""
    x = LABEL_WIDTH + index * (TILE + GAP) + TILE // 2
    seen: list[tuple[int, int, int]] = []
    for y in range(page.height):
        colour = page.getpixel((x, y))
        if colour in (RED, BLUE, GREEN) and (not seen or seen[-1] != colour):
            seen.append(colour)
    return seen


def test_training_pictures_are_above_before_and_after():
    compared = [Compared(prompt="a thing", before=[plain(RED), plain(GREEN)], after=[plain(BLUE), plain(BLUE)])]
    page = sheet(title="thing: 1 vector", training=[plain(GREEN)], compared=compared)
    assert column(page, 0) == [GREEN, RED, BLUE]
    assert column(page, 1) == [GREEN, BLUE]


def test_pictures_of_any_mode_and_size():
    pictures = [Image.new("L", (3, 90)), Image.new("RGBA", (200, 10))]
    page = sheet(title="", training=pictures, compared=[])
    assert page.mode == "RGB"
    assert page.width == LABEL_WIDTH + 2 * (TILE + GAP) + GAP
