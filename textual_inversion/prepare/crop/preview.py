"""The first few results of a job, before anything is written."""

from __future__ import annotations

import base64
import io
from itertools import islice
from typing import Any

from PIL import Image

from ...core.base.errors import InputError
from ...core.base.pasted_path import pasted_path
from ..folder.sources import find_sources
from ..settings import PrepareSettings
from .develop import LeaveOutError, develop
from .faces import Faces

SHOWN = 6
_SIDE = 256


def preview(settings: PrepareSettings, *, most: int = SHOWN) -> list[dict[str, Any]]:
    """For the first ``most`` pictures: their name, their results (JPEG in Base64, at most 256 pixels a side) and notes.

    Raises InputError where the source holds no pictures.
    """
    folder = pasted_path(settings.source)
    pictures = find_sources(folder, recursive=settings.recursive).pictures
    if not pictures:
        raise InputError(f"There are no pictures in {folder}.", field="source")
    faces = Faces()
    shown: list[dict[str, Any]] = []
    for source in islice(pictures, most):
        try:
            developed = develop(source, settings, faces, keep_parts=False)
        except LeaveOutError as error:
            shown.append({"name": source.name, "pictures": [], "notes": [f"Left out: {error}"]})
        except InputError as error:
            shown.append({"name": source.name, "pictures": [], "notes": [error.message]})
        else:
            small = [_small(result.png) for result in developed.results]
            shown.append({"name": source.name, "pictures": small, "notes": list(developed.notes)})
    return shown


def _small(png: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(png)) as image, io.BytesIO() as file:
        size = image.size
        image = image.convert("RGB")
        image.thumbnail((_SIDE, _SIDE))
        image.save(file, "JPEG", quality=85)
        return {"size": list(size), "jpeg": base64.b64encode(file.getvalue()).decode("ascii")}
