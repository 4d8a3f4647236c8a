"""Find the pictures of the dataset folders, and the masks among them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError

PICTURE_SUFFIXES = frozenset(
    {
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
        *(".avif", ".heic", ".heif", ".jxl", ".jp2", ".tga", ".psd", ".ppm", ".pgm", ".pbm", ".pnm"),
    }
)
"""Taken for pictures. Those that the installed Pillow cannot open are reported, not skipped."""

COMPANION_SUFFIXES = frozenset(
    {".txt", ".caption", ".json", ".npz", ".csv", ".md", ".yaml", ".yml", ".toml", ".ini", ".db"}
)
"""Files that commonly lie beside pictures; they need no mention."""

MASK_ENDINGS = ("_mask", "_att", "-masklabel")
"""Ends of a mask's name before its suffix: NAME_mask.png, DreamArtist's NAME_att.png, OneTrainer's NAME-masklabel.png."""

MAX_REPEATS = 10_000


@dataclass(frozen=True, kw_only=True)
class FolderSpec:
    """A dataset folder; each of its pictures comes ``repeats`` times in an epoch."""

    path: Path
    repeats: int = 1


@dataclass(frozen=True, kw_only=True)
class FoundPicture:
    """A picture and the grey mask beside it, if there is one."""

    path: Path
    repeats: int
    mask: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Pictures folder by folder in natural order, and sentences about files that were left out."""

    pictures: tuple[FoundPicture, ...]
    notes: tuple[str, ...] = ()


def parse_folder(text: str) -> FolderSpec:
    """``FOLDER`` or ``FOLDER*3``. A folder that really has such a name is taken by its name."""
    plain = text.strip().strip('"')
    match = re.fullmatch(r"(.*?)\s*\*\s*([0-9]{1,6})", plain, re.DOTALL)
    if match is None or Path(plain).is_dir():
        return FolderSpec(path=Path(plain))
    repeats = int(match[2])
    if not 1 <= repeats <= MAX_REPEATS:
        raise InputError(f"{text!r}: the repeats must be between 1 and {MAX_REPEATS}.", field="data")
    return FolderSpec(path=Path(match[1].strip('"')), repeats=repeats)


def natural_key(path: Path) -> tuple[tuple[str | int, ...], str]:
    """Sorts names as people do (2 before 10), letters without regard to case, the same on every platform."""
    # Every other part is digits, so numbers only ever meet numbers.
    parts = re.split(r"([0-9]+)", path.parent.joinpath(path.stem).as_posix().casefold())
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts)), path.as_posix()


def find_pictures(folders: Sequence[str | Path | FolderSpec], *, recursive: bool = False) -> Findings:
    """All pictures of the folders, each with its mask.

    Raises InputError where a folder cannot be read, or where there is no picture at all.
    """
    given = [folder for folder in folders if not isinstance(folder, str) or folder.strip()]
    specs = [folder if isinstance(folder, FolderSpec) else parse_folder(str(folder)) for folder in given]
    if not specs:
        raise InputError("No dataset directory is given. Name the folder with the pictures.", field="data")
    pictures: list[FoundPicture] = []
    left_out: list[str] = []
    for spec in specs:
        files = sorted(_files(spec.path, recursive=recursive), key=natural_key)
        found, others = _sort_out(files, repeats=spec.repeats)
        pictures += found
        left_out += others
    if not pictures:
        raise InputError(_nothing_found(specs, recursive=recursive), field="data")
    return Findings(pictures=tuple(pictures), notes=tuple(left_out))


def _files(folder: Path, *, recursive: bool) -> Iterable[Path]:
    if not folder.is_dir():
        reason = "is a file; give its folder" if folder.exists() else "does not exist"
        raise InputError(f"The dataset directory {folder} {reason}.", field="data")

    def fail(error: OSError) -> None:
        raise InputError(f"The folder {error.filename} cannot be read: {error.strerror}.", field="data") from error

    for place, below, names in os.walk(folder, onerror=fail):
        below[:] = [name for name in below if recursive and not name.startswith(".")]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _sort_out(files: Sequence[Path], *, repeats: int) -> tuple[list[FoundPicture], list[str]]:
    candidates = [file for file in files if file.suffix.lower() in PICTURE_SUFFIXES]
    stems = {(file.parent, file.stem.casefold()) for file in candidates}
    masks: dict[tuple[Path, str], Path] = {}
    pictures: list[Path] = []
    notes: list[str] = []
    for file in candidates:
        owner = _owner(file.stem)
        if owner is None:
            pictures.append(file)
        elif (file.parent, owner.casefold()) in stems:
            masks.setdefault((file.parent, owner.casefold()), file)
        else:
            notes.append(f"{file.name} was left out: it is named like a mask, but there is no picture {owner!r}.")
    others = [file.name for file in files if file.suffix.lower() not in PICTURE_SUFFIXES | COMPANION_SUFFIXES]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        notes.append(f"Left out, because they are no pictures: {', '.join(others[:5])}{more}.")
    found = [
        FoundPicture(path=file, repeats=repeats, mask=masks.get((file.parent, file.stem.casefold())))
        for file in pictures
    ]
    return found, notes


def _owner(stem: str) -> str | None:
    """The stem of the picture that a file of this stem would be the mask of."""
    ending = next((each for each in MASK_ENDINGS if stem.casefold().endswith(each)), "")
    return stem[: -len(ending)] if ending and len(stem) > len(ending) else None


def _nothing_found(specs: Sequence[FolderSpec], *, recursive: bool) -> str:
    places = ", ".join(str(spec.path) for spec in specs)
    deeper = not recursive and any(
        file.suffix.lower() in PICTURE_SUFFIXES for spec in specs for file in _files(spec.path, recursive=True)
    )
    hint = " There are some in folders below it: include subfolders." if deeper else ""
    return f"There are no pictures in {places}.{hint}"
