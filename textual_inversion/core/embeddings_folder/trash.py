"""A trash for embeddings: a folder beside the host's, where no prompt finds them, from which they can be put back."""

from __future__ import annotations

import contextlib
import datetime
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..base.errors import InputError
from ..base.files import disk_errors, make_folder, write_json

_NOTE = "trash.json"


def trash_folder(embeddings_dir: Path) -> Path:
    """``embeddings-trash`` beside ``embeddings``: web UIs read everything below the latter."""
    folder = embeddings_dir.absolute()
    return folder.with_name(f"{folder.name}-trash")


@dataclass(frozen=True, kw_only=True)
class TrashItem:
    """One act of deletion. ``place`` is the folder below the host's it came from; ``deleted`` seconds since 1970."""

    id: str
    name: str
    place: str
    files: tuple[str, ...]
    deleted: float


class Trash:
    """``home`` is the host's folder, which things come from and go back to."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, trash_folder(home)

    def put(self, files: Sequence[Path], *, name: str, copy: bool = False) -> TrashItem:
        """Move ``files`` (all of one folder below ``home``, the embedding first), or a ``copy`` of them. Raises ResourceError
        where it cannot be done."""
        now = datetime.datetime.now()
        place = files[0].parent.relative_to(self.home).as_posix()
        folder = self._new_folder(f"{now:%Y%m%d-%H%M%S}-{name}")
        item = TrashItem(
            id=folder.name, name=name, place=place, files=tuple(file.name for file in files), deleted=now.timestamp()
        )
        write_json(folder / _NOTE, {"name": name, "place": place, "files": list(item.files), "deleted": item.deleted})
        moved: list[Path] = []
        try:
            for file in files:
                with disk_errors(folder):
                    (shutil.copy2 if copy else shutil.move)(file, folder / file.name)
                moved.append(file)
        except BaseException:
            for file in moved if not copy else ():
                shutil.move(folder / file.name, file)
            shutil.rmtree(folder)
            raise
        return item

    def items(self) -> list[TrashItem]:
        """The newest first. Folders that hold nothing of ours are left out."""
        found = [item for path in self.folder.glob(f"*/{_NOTE}") if (item := _read(path)) is not None]
        return sorted(found, key=lambda item: item.deleted, reverse=True)

    def restore(self, item_id: str) -> list[Path]:
        """Put an item back where it was. Raises InputError where there is none, or another file has its place by now."""
        item = self._item(item_id)
        target = self.home / item.place
        files = [name for name in item.files if (self.folder / item.id / name).is_file()]
        if taken := [name for name in files if (target / name).exists()]:
            raise InputError(
                f"{item.name!r} cannot be put back: there is a file {taken[0]} again. Rename or delete that one first.",
                field="id",
            )
        make_folder(target)
        with disk_errors(target):
            for name in reversed(files):  # the embedding last: when prompts find it, its card is there
                shutil.move(self.folder / item.id / name, target / name)
            shutil.rmtree(self.folder / item.id)
        self._tidy()
        return [target / name for name in files]

    def purge(self, item_id: str) -> None:
        """Delete an item for good. Raises InputError where there is none."""
        item = self._item(item_id)
        with disk_errors(self.folder):
            shutil.rmtree(self.folder / item.id)
        self._tidy()

    def _item(self, item_id: str) -> TrashItem:
        found = next((item for item in self.items() if item.id == item_id), None)
        if found is None:
            raise InputError("This is no longer in the trash.", field="id")
        return found

    def _new_folder(self, stem: str) -> Path:
        make_folder(self.folder)
        number = 1
        while True:
            folder = self.folder / (stem if number == 1 else f"{stem}-{number}")
            with disk_errors(folder):
                try:
                    folder.mkdir()
                except FileExistsError:
                    number += 1
                    continue
            return folder

    def _tidy(self) -> None:
        """The folder goes with the last thing in it."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def _read(path: Path) -> TrashItem | None:
    """None where the note is not one of ours, or names what lies elsewhere."""
    try:
        note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        place, files = PurePosixPath(str(note["place"])), tuple(str(name) for name in note["files"])
        deleted, name = float(note["deleted"]), str(note["name"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    plain = all(name == Path(name).name and "\\" not in name and name not in ("", "..") for name in files)
    if not files or not plain or place.is_absolute() or ".." in place.parts or ":" in str(place) or "\\" in str(place):
        return None
    return TrashItem(id=path.parent.name, name=name, place=place.as_posix(), files=files, deleted=deleted)
