"""Training folders as requests name them: every path is checked before anything is read."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

from PIL import Image

from ..core.base.errors import InputError
from ..prepare.folder.training_folder import TrainingFolder
from .access import Access
from .routes.runs import Call

_OPTIONAL_PATHS = ("tagger_file", "blip_folder")
_LARGEST_THUMBNAIL = 1024


class Folders:
    """Paths of the file system that requests may name; ``changing`` is held by whatever changes a folder."""

    def __init__(self, access: Access, *, changing: threading.Lock) -> None:
        self._access, self.changing = access, changing

    def check(self, path: str, *, field: str) -> None:
        self._access.check_path(path, field=field)

    def check_paths(self, request: Any, names: tuple[str, ...]) -> None:
        """Every path of a request; what may be left empty only where it is given."""
        for name in names:
            self.check(getattr(request, name), field=name)
        for name in _OPTIONAL_PATHS:
            if text := getattr(request, name, ""):
                self.check(text, field=name)

    def folder(self, request: Any) -> TrainingFolder:
        self.check_paths(request, ("folder",))
        return TrainingFolder(Path(request.folder.strip().strip('"')).resolve(), recursive=request.recursive)


def asked(call: Call, *names: str) -> dict[str, Any]:
    """Read what the address says of ``names``."""
    found: dict[str, Any] = {name: call.query[name] for name in names if name in call.query}
    if "recursive" in found:
        found["recursive"] = found["recursive"] == "true"
    return found


def thumbnail_side(call: Call) -> int:
    text = call.query.get("size", "256")
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _LARGEST_THUMBNAIL):
        raise InputError(f"size: {text!r} is not a whole number from 1 to {_LARGEST_THUMBNAIL}.", field="size")
    return int(text)


def inside(folder: Path, name: str) -> Path:
    """A path below the folder, however it is written. Raises InputError."""
    path = folder / name
    if not name or "\0" in name or not path.resolve().is_relative_to(folder) or not path.is_file():
        raise InputError(f"There is no picture called {name!r} in {folder}.", field="name")
    return path


def picture_named(folder: TrainingFolder, name: str) -> Path:
    path = folder.picture(name)
    return inside(folder.folder, path.relative_to(folder.folder).as_posix())


def encoded(image: Image.Image, kind: str) -> bytes:
    with io.BytesIO() as file:
        image.save(file, kind, **({"quality": 85} if kind == "JPEG" else {}))
        return file.getvalue()
