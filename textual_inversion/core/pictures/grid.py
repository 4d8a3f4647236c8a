"""One picture of many: prompts down the side, saved steps along the top."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

from .lettering import any_font, shortened_text, writable

_GAP, _TEXT, _LABEL = 8, 15, 190
_PAPER, _INK, _FAINT, _EMPTY = (255, 255, 255), (20, 20, 20), (90, 90, 90), (232, 232, 236)

Cell = tuple[int, int]
"""(row, column)."""


def comparison_sheet(
    *,
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    pictures: Mapping[Cell, Image.Image],
    tile: tuple[int, int],
) -> Image.Image:
    """Every picture of ``tile`` (width, height) pixels under its column's label and beside its row's; missing ones stay grey.

    Labels are wrapped and cut to their room. No font is needed on the system.
    """
    width, height = tile
    head = _GAP + 2 * (_TEXT + 10)
    size = (_LABEL + len(columns) * (width + _GAP) + _GAP, head + len(rows) * (height + _GAP) + _GAP)
    page = Image.new("RGB", size, _PAPER)
    pen, font = ImageDraw.Draw(page), any_font(_TEXT)
    pen.text((_GAP, _GAP), shortened_text(pen, title, font, room=size[0] - 2 * _GAP), fill=_INK, font=font)
    for column, label in enumerate(columns):
        left = _LABEL + column * (width + _GAP)
        pen.text((left, head - _TEXT - 8), shortened_text(pen, label, font, room=width), fill=_INK, font=font)
    for row, label in enumerate(rows):
        top = head + row * (height + _GAP)
        lines = textwrap.wrap(
            writable(pen, label, font), 24, max_lines=max(1, height // (_TEXT + 4)), placeholder=" ..."
        )
        pen.multiline_text((_GAP, top), "\n".join(lines), fill=_FAINT, font=font, spacing=3)
        for column in range(len(columns)):
            place = (_LABEL + column * (width + _GAP), top)
            picture = pictures.get((row, column))
            if picture is None:
                pen.rectangle((*place, place[0] + width - 1, top + height - 1), fill=_EMPTY)
            else:
                page.paste(picture.convert("RGB").resize(tile, Image.Resampling.LANCZOS), place)
    return page
