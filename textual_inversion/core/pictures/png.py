"""PNG files in memory, with the texts that they carry."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def png_bytes(image: Image.Image, texts: Mapping[str, str]) -> bytes:
    """The picture as a PNG file with a text chunk for each of ``texts``, in their order; empty ones are left out."""
    notes = PngInfo()
    for key, text in texts.items():
        if text:
            notes.add_text(key, text)
    data = BytesIO()
    image.save(data, format="PNG", pnginfo=notes)
    return data.getvalue()
