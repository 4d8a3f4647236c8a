"""One picture that tells what was learned: the training pictures, and the same prompts and seeds before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

TILE = 128
GAP = 8
LABEL_WIDTH = 96
TEXT_SIZE = 16
LINE = TEXT_SIZE + 10
_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A prompt, and what it drew with the same seeds before and after training."""

    prompt: str
    before: Sequence[Image.Image]
    after: Sequence[Image.Image]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """``text`` over the whole width, and below it pictures with a label at their left."""

    text: str = ""
    label: str = ""
    pictures: Sequence[Image.Image] = ()

    @property
    def height(self) -> int:
        return (LINE if self.text else 0) + (TILE + GAP if self.pictures else 0)


def sheet(*, title: str, training: Sequence[Image.Image], compared: Sequence[Compared]) -> Image.Image:
    """Draw the sheet; every picture is shown ``TILE`` pixels wide."""
    rows = [_Row(text=title), _Row(label="training", pictures=training)]
    for each in compared:
        rows += [
            _Row(text=each.prompt, label="before", pictures=each.before),
            _Row(label="after", pictures=each.after),
        ]
    columns = max(len(row.pictures) for row in rows)
    page = Image.new(
        "RGB", (LABEL_WIDTH + columns * (TILE + GAP) + GAP, sum(row.height for row in rows) + 2 * GAP), _PAPER
    )
    top = GAP
    for row in rows:
        _draw(page, row, top)
        top += row.height
    return page


def _draw(page: Image.Image, row: _Row, top: int) -> None:
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=TEXT_SIZE)
    if row.text:
        pen.text((GAP, top + 4), row.text, fill=_INK, font=font)
        top += LINE
    if row.label and row.pictures:
        pen.text((GAP, top + TILE // 2 - TEXT_SIZE // 2), row.label, fill=_FAINT, font=font)
    for index, picture in enumerate(row.pictures):
        tile = picture.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS)
        page.paste(tile, (LABEL_WIDTH + index * (TILE + GAP), top))
