"""Words on pictures, with whatever font Pillow brings along."""

from __future__ import annotations

from typing import TypeAlias

from PIL import ImageDraw, ImageFont

Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"


def any_font(size: int) -> Font:
    """Pillow's own font; the bitmap one, of one size, where Pillow is older than 10.1 or lacks FreeType."""
    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError, OSError):
        return ImageFont.load_default()


def writable(draw: ImageDraw.ImageDraw, text: str, font: Font) -> str:
    """``text`` as ``font`` can draw it: bitmap fonts know Latin-1 only, and a letter they lack must not stop a run."""
    try:
        draw.textbbox((0, 0), text, font=font)
    except UnicodeEncodeError:
        return text.encode("latin-1", "replace").decode("latin-1")
    return text


def shortened_text(draw: ImageDraw.ImageDraw, text: str, font: Font, *, room: int) -> str:
    """The beginning of ``text`` that fits into ``room`` pixels, on one line."""
    text = writable(draw, " ".join(text.split()), font)
    if draw.textlength(text, font=font) <= room:
        return text
    while text and draw.textlength(f"{text}...", font=font) > room:
        text = text[:-1]
    return f"{text}..."
