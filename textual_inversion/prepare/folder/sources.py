"""List a source folder, every file of it: pictures with their captions and masks, and why others are left out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...core.base.errors import InputError
from ...core.base.pasted_path import is_folder, why_no_folder
from ...core.dataset.caption_files import CaptionFiles, is_text
from ...core.dataset.find import PICTURE_SUFFIXES, is_looked_into, natural_key
from ...core.dataset.mask_files import MaskFiles


@dataclass(frozen=True, kw_only=True)
class SourcePicture:
    """A picture, the text file and the grey mask beside it. ``name`` is relative to the folder, with slashes."""

    path: Path
    name: str
    caption: Path | None = None
    mask: Path | None = None


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file that is not taken. ``name`` is relative to the folder; ``belongs`` where it goes along with a picture."""

    name: str
    reason: str
    belongs: bool = False


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Every file of a folder is in one of both, in natural order."""

    pictures: tuple[SourcePicture, ...]
    others: tuple[LeftOut, ...]


def find_sources(folder: Path, *, recursive: bool = False) -> Sources:
    """Sort out a folder. Raises InputError where it is none or cannot be read. Reads no file."""
    files = sorted(_files(folder, recursive=recursive), key=natural_key)
    visible = [file for file in files if not file.name.startswith(".")]
    candidates = [file for file in visible if file.suffix.lower() in PICTURE_SUFFIXES]
    captions, masks = CaptionFiles(visible), MaskFiles(candidates)
    pictures = [
        SourcePicture(path=file, name=_name(file, folder), caption=captions.of(file), mask=masks.of(file))
        for file in candidates
        if not masks.has_picture(file)
    ]
    taken = {picture.path for picture in pictures}
    read = {picture.caption for picture in pictures}
    unread = set(captions.not_read([picture.path for picture in pictures]))
    others = [_left_out(file, folder, read=read, unread=unread) for file in files if file not in taken]
    return Sources(pictures=tuple(pictures), others=tuple(others))


def _files(folder: Path, *, recursive: bool) -> Iterable[Path]:
    if not is_folder(folder):
        raise InputError(f"The source directory {folder} {why_no_folder(folder)}.", field="source")

    def fail(error: OSError) -> None:
        raise InputError(f"The folder {error.filename} cannot be read: {error.strerror}.", field="source") from error

    for place, below, names in os.walk(folder, onerror=fail):
        below[:] = [name for name in below if recursive and is_looked_into(name)]
        yield from (Path(place, name) for name in names)


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _left_out(file: Path, folder: Path, *, read: set[Path | None], unread: set[Path]) -> LeftOut:
    name = _name(file, folder)
    if file.name.startswith("."):
        return LeftOut(name=name, reason="Its name begins with a dot, which hides files.")
    if file.suffix.lower() in PICTURE_SUFFIXES:
        return LeftOut(name=name, reason="It is the mask of a picture and goes along with that.", belongs=True)
    if file in read:
        return LeftOut(name=name, reason="It is the caption of a picture and goes along with that.", belongs=True)
    if file in unread:
        return LeftOut(
            name=name, reason="It is a caption that is not read: another file beside the picture goes before it."
        )
    if is_text(file):
        return LeftOut(name=name, reason="It is a text, and there is no picture of the same name.")
    return LeftOut(name=name, reason="By its name it is not a picture.")
