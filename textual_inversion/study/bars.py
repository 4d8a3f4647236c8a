"""A plain bar chart."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _LABEL, _ROW, _TEXT, _GAP = 900, 230, 30, 14, 12
_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (205, 205, 205)
_CONCEPT, _OBEDIENCE = (200, 80, 40), (110, 140, 190)


def bars(rows: Sequence[tuple[str, float, float]]) -> Image.Image:
    """Label, concept and obedience (0 to 1) of each row; a line at 95 in 100."""
    page = Image.new("RGB", (_WIDTH, len(rows) * _ROW + 3 * _GAP + _TEXT), _PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=_TEXT)
    span = _WIDTH - _LABEL - 60
    pen.text((_LABEL, _GAP), "concept", fill=_CONCEPT, font=font)
    pen.text((_LABEL + 80, _GAP), "obedience", fill=_OBEDIENCE, font=font)
    top = 2 * _GAP + _TEXT
    for percent in (0, 25, 50, 75, 95, 100):
        x = _LABEL + span * percent / 100
        pen.line([(x, top), (x, page.height - _GAP)], fill=_INK if percent == 95 else _FAINT)
    for place, (label, concept, obedience) in enumerate(rows):
        y = top + place * _ROW
        pen.text((_GAP, y + 5), label, fill=_INK, font=font)
        pen.rectangle([_LABEL, y + 4, _LABEL + span * concept, y + 14], fill=_CONCEPT)
        pen.rectangle([_LABEL, y + 16, _LABEL + span * obedience, y + 21], fill=_OBEDIENCE)
        pen.text((_LABEL + span + 8, y + 4), f"{100 * concept:.0f}", fill=_INK, font=font)
    return page
