"""The caption that A1111 lays over a picture before it hides an embedding in it, and a card where there is no picture."""

from __future__ import annotations

from math import cos
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..embedding import Embedding
from .about import without_folders

_Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"
_WHITE = (255, 255, 255, 230)
_MIN_SIDE = 256
_PADDING = 10
_FALL = 1.5
"""How fast A1111's gradient falls from the edges."""


def captioned(picture: Image.Image, embedding: Embedding) -> Image.Image:
    """A copy of ``picture`` (RGB) with gradients above and below, the name, and in the footer model, hash, vectors, steps.

    Small pictures are enlarged by a whole factor first, so that the words can be read. No font is needed on the system.
    """
    picture = _enlarged(picture)
    image = Image.alpha_composite(picture.convert("RGBA"), _gradient(picture.size))
    draw = ImageDraw.Draw(image)
    width, height = image.size
    title = f"<{without_folders(embedding.name) or 'embedding'}>".replace("<<", "<").replace(">>", ">")
    _write(draw, (_PADDING, _PADDING), title, room=width * 0.75 - 4 * _PADDING, anchor=0.0, below=True)
    footers = [
        without_folders(embedding.checkpoint_name) or "",
        f"[{embedding.checkpoint_hash}]" if embedding.checkpoint_hash else "",
        f"{embedding.count}v {embedding.step or 0}s",
    ]
    places = [(_PADDING, 0.0), (width / 2, 0.5), (width - _PADDING, 1.0)]
    for text, (x, anchor) in zip(footers, places, strict=True):
        _write(draw, (x, height - _PADDING), text, room=width / 3 - _PADDING, anchor=anchor, below=False)
    return image.convert("RGB")


def plain_card(embedding: Embedding) -> Image.Image:
    """A 512 x 512 picture drawn from the first vector, for embeddings that have no picture of their own."""
    vector = next(iter(embedding.vectors.values()))[0]
    values = torch.nn.functional.interpolate(vector[None, None], size=48, mode="linear")[0, 0]
    spread = (values - values.min()) / max(float(values.max() - values.min()), 1e-12)
    pixels = (64 + spread.reshape(4, 4, 3).numpy() * 160).astype(np.uint8)
    return Image.fromarray(pixels).resize((512, 512), Image.Resampling.BICUBIC)


def _enlarged(picture: Image.Image) -> Image.Image:
    factor = max(1, -(-_MIN_SIDE // min(picture.size)))
    size = (picture.width * factor, picture.height * factor)
    return picture.convert("RGB").resize(size, Image.Resampling.NEAREST)


def _gradient(size: tuple[int, int]) -> Image.Image:
    width, height = size
    column = Image.new("RGBA", (1, height))
    for y in range(height):
        top, bottom = 1 - cos(y / height * _FALL), 1 - cos((height - y) / height * _FALL * 1.1)
        column.putpixel((0, y), (0, 0, 0, int(max(top, bottom) * 255)))
    return column.resize((width, height))


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, *, room: float, anchor: float, below: bool
) -> None:
    """One line no wider than ``room``: ``anchor`` 0 left of ``place``, 0.5 centred, 1 right; ``below`` it or above."""
    if not text:
        return
    size = 72
    text, box = _measured(draw, text, _font(size))
    if box[2] > room:
        size = max(8, int(size * room / box[2]))
    font = _font(size)
    text, box = _measured(draw, text, font)
    y = place[1] if below else place[1] - box[3]
    draw.text((place[0] - anchor * box[2], y), text, font=font, fill=_WHITE)


def _measured(draw: ImageDraw.ImageDraw, text: str, font: _Font) -> tuple[str, tuple[float, float, float, float]]:
    """Bitmap fonts know Latin-1 only: a letter they lack must not stop a run."""
    try:
        return text, draw.textbbox((0, 0), text, font=font)
    except UnicodeEncodeError:
        text = text.encode("latin-1", "replace").decode("latin-1")
        return text, draw.textbbox((0, 0), text, font=font)


def _font(size: int) -> _Font:
    """Pillow's own font; the bitmap one where Pillow is older than 10.1 or lacks FreeType."""
    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError, OSError):
        return ImageFont.load_default()
