"""The caption that A1111 lays over a picture before it hides an embedding in it, and a card where there is no picture."""

from __future__ import annotations

from math import cos

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..embedding.embedding import Embedding
from ..pictures.lettering import any_font, writable
from .notes import without_folders

_WHITE = (255, 255, 255, 230)
_MIN_SIDE = 256
_PADDING = 10
_FALL = 1.5
"""Speed at which A1111's gradient falls from the edges."""


def captioned(picture: Image.Image, embedding: Embedding) -> Image.Image:
    """A copy of ``picture`` (RGB) with gradients above and below, the name, and in the footer model, hash, vectors, steps.

    Small pictures are enlarged by a whole factor first, so that the words can be read. No font is needed on the system.
    """
    picture = _enlarged(picture)
    image = Image.alpha_composite(picture.convert("RGBA"), _gradient(picture.size))
    draw = ImageDraw.Draw(image)
    width, height = image.size
    title = f"<{(without_folders(embedding.name) or 'embedding').removeprefix('<').removesuffix('>')}>"
    font = any_font(_fitting_size(draw, title, room=width * 0.75 - 4 * _PADDING, largest=72))
    draw.text((_PADDING, _PADDING), writable(draw, title, font), font=font, fill=_WHITE)
    footers = _footers(embedding)
    room, largest = width / 3 - _PADDING, max(12, height // 16)
    font = any_font(min(_fitting_size(draw, text, room=room, largest=largest) for text in footers))
    for text, x, align in zip(footers, (_PADDING, width / 2, width - _PADDING), (0.0, 0.5, 1.0), strict=True):
        text = writable(draw, text, font)
        right, bottom = draw.textbbox((0, 0), text, font=font)[2:]
        draw.text((x - align * right, height - _PADDING - bottom), text, font=font, fill=_WHITE)
    return image.convert("RGB")


def _footers(embedding: Embedding) -> tuple[str, str, str]:
    checkpoint = without_folders(embedding.checkpoint_name) or ""
    short_hash = f"[{embedding.checkpoint_hash}]" if embedding.checkpoint_hash else ""
    return checkpoint, short_hash, f"{embedding.count}v {embedding.step or 0}s"


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


def _fitting_size(draw: ImageDraw.ImageDraw, text: str, *, room: float, largest: int) -> int:
    """The font size, at most ``largest``, at which ``text`` is no wider than ``room``."""
    font = any_font(largest)
    width = draw.textbbox((0, 0), writable(draw, text, font), font=font)[2]
    return largest if width <= room else max(8, int(largest * room / width))
