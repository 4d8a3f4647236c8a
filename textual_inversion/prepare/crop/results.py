"""Writing what was made of one source: pictures, their masks and their captions, under names that are free or its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.base.files import disk_errors, write_bytes
from ...core.dataset.captions import sides_named
from ..captions.text import combined
from ..folder.report import FileReport
from ..settings import PrepareSettings
from .develop import Developed
from .record import Entry, Record
from .result_names import caption_in, loses_something, result_stem

WRONG_SIDES = "Its caption says left or right, which is wrong of the mirrored copy."

EXCLUDED = ".excluded"
"""Folder in a training folder for pictures that were taken out; trainers pass over names that begin with a dot."""


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """``contents``: the files to write by name, ``picture`` the name of the first."""

    picture: str
    contents: Mapping[str, bytes]


class ResultWriter:
    """Writes into one destination folder."""

    def __init__(self, folder: Path, record: Record, settings: PrepareSettings) -> None:
        self._folder, self._record, self._settings = folder, record, settings

    def all_there(self, names: Sequence[str]) -> bool:
        """Also where a picture was taken out of the folder since: then it is not wanted back."""
        return bool(names) and all(
            (self._folder / name).exists() or (self._folder / EXCLUDED / name).exists() for name in names
        )

    def write(self, developed: Developed, new: Sequence[Sequence[str]], *, stamp: str, recipe: str) -> FileReport:
        """``new``: for each unflipped part the texts that the models wrote. Raises ResourceError where the disk is full."""
        source = developed.source
        before = self._record.of(source.path)
        index = self._record.index_for(source.path)
        captions = [combined(developed.old, texts, self._settings) for texts in new]
        planned = [self._planned(developed, index, number, captions) for number in range(len(developed.results))]
        names = [name for each in planned for name in each.contents]
        own = set(before.results) if before is not None else set()
        foreign = next((name for name in names if name not in own and (self._folder / name).exists()), None)
        if foreign is not None:
            reason = f"{foreign} is in the destination already and was not made from it. Choose an empty folder."
            return FileReport(name=source.name, outcome="left out", reason=reason)
        replaces = self._settings.overwrite or (before is not None and not before.finished)
        entry = Entry(source=str(source.path), index=index, stamp=stamp, recipe=recipe, results=tuple(names))
        with self._record.writing(entry):
            for each in planned:
                self._write_missing(each.contents, kept=set() if replaces else own)
            if replaces:
                self._remove(own - set(names))
        return FileReport(
            name=source.name,
            outcome="made",
            results=tuple(each.picture for each in planned),
            notes=(*developed.notes, *self._notes(captions, caption_in(Path(source.name).stem))),
        )

    def _planned(self, developed: Developed, index: int, number: int, captions: Sequence[str]) -> _Planned:
        result = developed.results[number]
        caption = captions[result.shown]
        words, text = caption_in(Path(developed.source.name).stem), caption or None
        if self._settings.caption_to == "name" and caption:
            words, text = caption, None
        stem = result_stem(index, number, words)
        contents: dict[str, bytes] = {f"{stem}.png": result.png}
        if result.mask is not None:
            contents[f"{stem}_mask.png"] = result.mask
        if text is not None:
            contents[f"{stem}.txt"] = text.encode("utf-8")
        return _Planned(picture=f"{stem}.png", contents=contents)

    def _write_missing(self, contents: Mapping[str, bytes], *, kept: set[str]) -> None:
        """Write what is missing. What somebody may have edited, or taken out, since it was made stays as it is. The picture comes last: a caption
        without a picture harms nobody."""
        for name, content in reversed(contents.items()):
            if name not in kept or not self.all_there([name]):
                write_bytes(self._folder / name, content)

    def _remove(self, names: set[str]) -> None:
        for name in names:
            with disk_errors(self._folder / name):
                (self._folder / name).unlink(missing_ok=True)

    def _notes(self, captions: Sequence[str], words: str) -> list[str]:
        notes: list[str] = []
        if self._settings.caption_to == "name" and any(loses_something(caption) for caption in captions):
            notes.append("The file name cannot hold its whole caption.")
        if {"h", "both"} & set(self._settings.flip) and any(sides_named(caption or words) for caption in captions):
            notes.append(WRONG_SIDES)
        return notes
