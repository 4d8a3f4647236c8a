"""Training folders as requests name them: every path is checked before anything is read."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Protocol

from ..core.base.errors import InputError
from ..prepare.folder.training_folder import TrainingFolder
from .access import Access

_OPTIONAL_PATHS = ("tagger_file", "blip_folder")


class NamesFolder(Protocol):
    """A request about a training folder."""

    @property
    def folder(self) -> str: ...
    @property
    def recursive(self) -> bool: ...


class Folders:
    """Paths of the file system that requests may name; ``changing`` is held by whatever changes a folder."""

    def __init__(self, access: Access) -> None:
        self._access, self.changing = access, threading.Lock()

    def check(self, path: str, *, field: str) -> Path:
        """The path. Raises as ``Access.check_path``."""
        return self._access.check_path(path, field=field)

    def check_paths(self, request: object, *names: str) -> None:
        """Every path of a request; what may be left empty only where it is given."""
        for name in names:
            self.check(getattr(request, name), field=name)
        for name in _OPTIONAL_PATHS:
            if text := getattr(request, name, ""):
                self.check(text, field=name)

    def path(self, request: NamesFolder) -> Path:
        """The training folder that a request names."""
        self.check_paths(request, "folder")
        return self.check(request.folder, field="folder").resolve()

    def folder(self, request: NamesFolder) -> TrainingFolder:
        """The same, opened."""
        return TrainingFolder(self.path(request), recursive=request.recursive)


def inside(folder: Path, name: str) -> Path:
    """A path below the folder, however it is written. Raises InputError."""
    path = folder / name
    if not name or "\0" in name or not path.resolve().is_relative_to(folder) or not os.path.isfile(path):
        raise InputError(f"There is no picture called {name!r} in {folder}.", field="name")
    return path


def picture_named(folder: TrainingFolder, name: str) -> Path:
    """A picture of the folder. Raises InputError."""
    path = folder.picture(name)
    return inside(folder.folder, path.relative_to(folder.folder).as_posix())
