"""Pictures in a grid, each over its caption."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

TILE = 128
GAP = 8
TEXT_SIZE = 11
LINES = 5


def captioned_grid(pictures: Sequence[Image.Image], captions: Sequence[str], *, columns: int = 8) -> Image.Image:
    """White page of tiles of 128 pixels, captions wrapped to at most five lines below them."""
    rows = -(-len(pictures) // columns)
    cell = TILE + LINES * (TEXT_SIZE + 2) + GAP
    page = Image.new("RGB", (columns * (TILE + GAP) + GAP, rows * cell + GAP), (255, 255, 255))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=TEXT_SIZE)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = GAP + i % columns * (TILE + GAP), GAP + i // columns * cell
        page.paste(picture.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS), (left, top))
        lines = textwrap.wrap(caption, 21)[:LINES]
        pen.multiline_text((left, top + TILE + 2), "\n".join(lines), fill=(20, 20, 20), font=font, spacing=1)
    return page
