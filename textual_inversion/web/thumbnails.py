"""Small pictures for the page."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from ..core.pictures.open import open_picture
from .content import Content


def thumbnail(path: Path, side: int, *, keep: bool = False) -> Content:
    """A picture file as a JPEG of at most ``side`` pixels a side. Raises InputError where the file is no picture."""
    image = open_picture(path).rgb
    image.thumbnail((side, side))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    return Content(data=data.getvalue(), media_type="image/jpeg", keep=keep)


def png(image: Image.Image) -> Content:
    """A picture as it is."""
    data = io.BytesIO()
    image.save(data, "PNG")
    return Content(data=data.getvalue(), media_type="image/png")
