"""Find the pictures of the dataset folders, and the masks among them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..base.errors import InputError
from ..base.pasted_path import exists, is_folder, pasted_path, why_no_folder
from ..base.sentences import listed
from ..base.spelling import folded
from .caption_files import CaptionFiles, is_text
from .mask_files import MaskFiles, owner_of

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

PASSED_OVER = frozenset({"@eadir", "@tmp", "#recycle", "#snapshot", "__macosx", "$recycle.bin", "lost+found"})
"""Folders that storage devices and systems make beside people's own, in small letters: thumbnails, waste, metadata."""

_CAPTION_LIKE = frozenset(
    {".json", ".jsonl", ".yaml", ".yml", ".toml", ".csv", ".md", ".tags", ".cap", ".captions", ".text"}
)

MAX_REPEATS = 10_000


@dataclass(frozen=True, kw_only=True)
class FolderSpec:
    """A dataset folder; each of its pictures comes ``repeats`` times in an epoch. ``given`` is what a person wrote."""

    path: Path
    repeats: int = 1
    given: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class FoundPicture:
    """A picture, and the grey mask and the caption beside it, where there are such files."""

    path: Path
    repeats: int
    mask: Path | None = None
    caption: Path | None = None


@dataclass(frozen=True, kw_only=True)
class FoundPictures:
    """Pictures folder by folder in natural order, and sentences about files that were left out."""

    pictures: tuple[FoundPicture, ...]
    notes: tuple[str, ...] = ()


def parse_folder(text: str) -> FolderSpec:
    """``FOLDER`` or ``FOLDER*3``. A folder that really has such a name is taken by its name."""
    whole = pasted_path(text)
    match = re.fullmatch(r"(.*?)\s*\*\s*([0-9]{1,6})", text.strip(), re.DOTALL)
    if match is None or exists(whole):
        return FolderSpec(path=whole, given=text)
    repeats = int(match[2])
    if not 1 <= repeats <= MAX_REPEATS:
        raise InputError(f"{text!r}: the repeats must be between 1 and {MAX_REPEATS}.", field="data")
    return FolderSpec(path=pasted_path(match[1]), repeats=repeats, given=match[1])


def natural_key(path: Path) -> tuple[tuple[str | int, ...], str]:
    """Sorts names as people do (2 before 10), letters without regard to case, the same on every platform."""
    # Every other part is digits, so numbers only ever meet numbers.
    parts = re.split(r"([0-9]+)", path.parent.joinpath(path.stem).as_posix().casefold())
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts)), path.as_posix()


def find_pictures(folders: Sequence[str | Path | FolderSpec], *, recursive: bool = False) -> FoundPictures:
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
        files = sorted(_files(spec, recursive=recursive), key=natural_key)
        found, others = _sort_out(files, repeats=spec.repeats)
        pictures += found
        left_out += [*others, *_folder_notes(spec, recursive=recursive)]
    if not pictures:
        raise InputError(_nothing_found(specs, recursive=recursive), field="data")
    return FoundPictures(pictures=tuple(pictures), notes=tuple(left_out))


def _files(spec: FolderSpec, *, recursive: bool) -> Iterable[Path]:
    folder = spec.path
    if not is_folder(folder):
        shown = spec.given.strip() if "://" in spec.given else folder
        raise InputError(f"The dataset directory {shown} {why_no_folder(folder, given=spec.given)}.", field="data")

    def fail(error: OSError) -> None:
        raise InputError(f"The folder {error.filename} cannot be read: {error.strerror}.", field="data") from error

    for place, below, names in os.walk(folder, onerror=fail):
        below[:] = [name for name in below if recursive and is_looked_into(name)]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def is_looked_into(folder: str) -> bool:
    """True for the names of folders in which pictures of a person's own may lie."""
    return not folder.startswith(".") and folder.casefold() not in PASSED_OVER


def _sort_out(files: Sequence[Path], *, repeats: int) -> tuple[list[FoundPicture], list[str]]:
    candidates = [file for file in files if file.suffix.lower() in PICTURE_SUFFIXES]
    captions, masks = CaptionFiles(files), MaskFiles(candidates)
    pictures = [file for file in candidates if owner_of(file) is None]
    alone = [file.name for file in candidates if owner_of(file) is not None and not masks.has_picture(file)]
    others = [
        file.name
        for file in files
        if file.suffix.lower() not in PICTURE_SUFFIXES | COMPANION_SUFFIXES and not is_text(file)
    ]
    found = [
        FoundPicture(
            path=file,
            repeats=repeats,
            mask=masks.of(file),
            caption=captions.of(file),
        )
        for file in pictures
    ]
    bare = [picture.path for picture in found if picture.caption is None]
    told = {
        "Left out, because they are named like masks of pictures that are not there": alone,
        "Left out, because they are no pictures": others,
        "Captions that are not read, as another file beside the picture goes before them": [
            file.name for file in captions.not_read(pictures)
        ],
        "Texts that are the caption of no picture here, while some pictures have none": [
            file.name for file in captions.without_picture(pictures) if bare
        ],
        "Beside pictures without a caption, and not read as one": _lookalikes(files, bare),
    }
    return found, [f"{what}: {listed(names)}." for what, names in told.items() if names]


def _lookalikes(files: Sequence[Path], bare: Sequence[Path]) -> list[str]:
    """Files that other programs keep captions in, of the pictures that have none."""
    stems = {(path.parent, folded(stem)) for path in bare for stem in (path.stem, path.name)}
    return [
        file.name
        for file in files
        if file.suffix.lower() in _CAPTION_LIKE and (file.parent, folded(file.stem)) in stems
    ]


def _folder_notes(spec: FolderSpec, *, recursive: bool) -> list[str]:
    """Sentences on the folder as a whole: pictures below it that are not taken, and repeats as kohya writes them."""
    notes: list[str] = []
    if not recursive and (below := [each.name for each in _folders_below(spec.path) if _holds_picture(each)]):
        notes.append(f"Not looked into, as subfolders are not included: {listed(below)}.")
    match = re.match(r"([0-9]{1,4})_", spec.path.name)
    if match is not None and spec.repeats == 1 and int(match[1]) > 1:
        notes.append(
            f"The {match[1]} of {spec.path.name!r} is no number of repeats here, as it is for kohya: write {spec.path.name}*{match[1]}."
        )
    return notes


def _folders_below(folder: Path) -> list[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir() and is_looked_into(entry.name))
    return []


def _holds_picture(folder: Path) -> bool:
    with suppress(OSError), os.scandir(folder) as entries:
        return any(Path(entry.name).suffix.lower() in PICTURE_SUFFIXES for entry in entries)
    return False


def _nothing_found(specs: Sequence[FolderSpec], *, recursive: bool) -> str:
    places = ", ".join(str(spec.path) for spec in specs)
    deeper = not recursive and any(
        file.suffix.lower() in PICTURE_SUFFIXES for spec in specs for file in _files(spec, recursive=True)
    )
    hint = " There are some in folders below it: include subfolders." if deeper else ""
    return f"There are no pictures in {places}.{hint}"
