"""A folder of pictures to train on and its captions: read, edited, undone. Pictures themselves are never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...core.base.errors import InputError
from ...core.base.files import disk_errors, make_folder, write_text
from ...core.base.text_files import read_text
from ...core.dataset.caption_files import new_caption_file
from ...core.dataset.captions import FileNameWords, caption_of
from ..crop.results import EXCLUDED
from .journal import Change, Edit, Journal
from .sources import SourcePicture, find_sources


@dataclass(frozen=True, kw_only=True)
class Captioned:
    """One picture. ``name`` is relative to the folder; ``written`` is False where the caption is read off the file name;
    ``problem`` says why a caption file cannot be read."""

    name: str
    caption: str
    written: bool
    mask: str = ""
    problem: str = ""


class TrainingFolder:
    """``words``: how file names become captions. One thread at a time for edits."""

    def __init__(self, folder: Path, *, recursive: bool = False, words: FileNameWords | None = None) -> None:
        self.folder = folder
        self._recursive, self._words = recursive, words or FileNameWords()
        self._journal = Journal(folder)

    def pictures(self) -> list[Captioned]:
        """All of them with their captions, in the trainer's order. Raises InputError where the folder cannot be read."""
        return [self._captioned(each) for each in find_sources(self.folder, recursive=self._recursive).pictures]

    def excluded(self) -> list[str]:
        """The names of pictures that were taken out, each as it was called before."""
        return [each.name for each in self._taken_out()]

    def picture(self, name: str) -> Path:
        """The file of a picture that is in the folder. Raises InputError for any other name."""
        return self._source(name).path

    def edit(self, what: str, change: Callable[[str], str], *, names: list[str] | None = None) -> list[str]:
        """``change`` every caption, or those of ``names``; returns the names of pictures whose caption is another now."""
        wanted = None if names is None else set(names)
        chosen = [each for each in self.pictures() if wanted is None or each.name in wanted]
        new = {each.name: change(each.caption) for each in chosen if not each.problem}
        return self.write(
            what, {each.name: new[each.name] for each in chosen if new.get(each.name, each.caption) != each.caption}
        )

    def write(self, what: str, captions: Mapping[str, str], *, group: str = "") -> list[str]:
        """Save captions by picture, as one edit that can be undone; with a ``group``, as one with those before it."""
        if not captions:
            return []
        sources = {each.name: each for each in self._sources()}
        changes = [self._change(self._named(sources, name), caption) for name, caption in captions.items()]
        self._journal.add(Edit(what=what, group=group, changes=tuple(changes)))
        for change in changes:
            write_text(self.folder / change.file, change.after or "")
        return list(captions)

    def last_edit(self) -> str:
        """Name the edit that ``undo`` would undo; empty where there is nothing."""
        edits = self._journal.edits()
        return edits[-1].what if edits else ""

    def undo(self) -> tuple[str, list[str]]:
        """Take back the newest edit. Returns what it was, and sentences about files that somebody changed since, which
        stay as they are. Raises InputError where there is nothing to undo."""
        edits = self._journal.edits()
        if not edits:
            raise InputError("There is nothing to undo in this folder.")
        kept: list[str] = []
        for change in edits[-1].changes:
            path = self.folder / change.file
            if _content(path) != change.after:
                kept.append(f"{change.file} was changed since by something else and stays as it is.")
            elif change.before is None:
                with disk_errors(path):
                    path.unlink(missing_ok=True)
            else:
                write_text(path, change.before)
        kept += self._move([(there, here) for here, there in edits[-1].moved])
        self._journal.drop_last()
        return edits[-1].what, kept

    def exclude(self, name: str) -> None:
        """Take a picture with its caption and mask out of the training, without deleting anything."""
        source = self._source(name)
        shared = source.caption is not None and sum(other.caption == source.caption for other in self._sources()) > 1
        files = [source.path] if shared else _belongings(source)  # a.png and a.jpg share one caption
        here = [file.relative_to(self.folder).as_posix() for file in files]
        self._moved(f"Took {name} out", [(each, f"{EXCLUDED}/{each}") for each in here])

    def restore(self, name: str) -> None:
        """Put a picture back that was taken out."""
        source = next((each for each in self._taken_out() if each.name == name), None)
        if source is None:
            raise InputError(f"{name} is not among the pictures that were taken out.", field="name")
        place = self.folder / EXCLUDED
        files = [each.relative_to(place).as_posix() for each in _belongings(source)]
        self._moved(f"Put {name} back", [(f"{EXCLUDED}/{each}", each) for each in files])

    def _taken_out(self) -> tuple[SourcePicture, ...]:
        place = self.folder / EXCLUDED
        return find_sources(place, recursive=True).pictures if place.is_dir() else ()

    def _moved(self, what: str, moves: list[tuple[str, str]]) -> None:
        for _, there in moves:
            if (self.folder / there).exists():
                raise InputError(f"There is a file called {there} already. Rename it first.")
        self._journal.add(Edit(what=what, moved=tuple(moves)))
        if problems := self._move(moves):
            raise InputError(" ".join(problems))

    def _move(self, moves: list[tuple[str, str]]) -> list[str]:
        problems: list[str] = []
        for here, there in moves:
            source, target = self.folder / here, self.folder / there
            if target.exists() or not source.exists():
                problems.append(f"{here} could not be moved to {there}.")
                continue
            make_folder(target.parent)
            with disk_errors(target):
                source.rename(target)
            with suppress(OSError):  # the folder for pictures taken out goes when the last one left it
                if EXCLUDED in source.parts:
                    source.parent.rmdir()
        return problems

    def _sources(self) -> tuple[SourcePicture, ...]:
        return find_sources(self.folder, recursive=self._recursive).pictures

    def _source(self, name: str) -> SourcePicture:
        return self._named({each.name: each for each in self._sources()}, name)

    def _named(self, sources: Mapping[str, SourcePicture], name: str) -> SourcePicture:
        if name not in sources:
            raise InputError(
                f"There is no picture called {name} in {self.folder}. Look at the folder again.", field="name"
            )
        return sources[name]

    def _captioned(self, source: SourcePicture) -> Captioned:
        mask = source.mask.relative_to(self.folder).as_posix() if source.mask is not None else ""
        written = source.caption is not None
        try:
            text = caption_of(source.path, source.caption, self._words)
        except InputError as error:
            return Captioned(name=source.name, caption="", written=written, mask=mask, problem=error.message)
        return Captioned(name=source.name, caption=text, written=written, mask=mask)

    def _change(self, source: SourcePicture, caption: str) -> Change:
        file = source.caption or new_caption_file(source.path)
        return Change(file=file.relative_to(self.folder).as_posix(), before=_content(file), after=caption.strip())


def _belongings(source: SourcePicture) -> list[Path]:
    """The picture, its caption and its mask."""
    return [each for each in (source.path, source.caption, source.mask) if each is not None]


def _content(file: Path) -> str | None:
    return read_text(file, field="folder") if file.exists() else None
