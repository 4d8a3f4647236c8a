"""Memory of a destination folder about the jobs that filled it, so that a second one doubles nothing.

A file of JSON lines that web UIs and trainers pass over (its name begins with a dot). A source has a line when its
results are about to be written, and another when they are; of a job that was killed in between the first one tells which
half-done results are its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...core.base.errors import ResourceError
from ...core.base.files import disk_errors, make_folder, write_text
from ..settings import PrepareSettings

RECORD = ".textual_inversion_prepared.jsonl"

_WITHOUT_EFFECT = (
    "source",
    "destination",
    "recursive",
    "overwrite",
    "caption_batch",
    "skip_duplicates",
    "duplicate_distance",
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """``source`` is the resolved path; ``stamp`` its size and time; ``recipe`` the settings it was made with."""

    source: str
    index: int
    stamp: str
    recipe: str
    results: tuple[str, ...]
    finished: bool = True


class Record:
    """Read once, then added to. Lines that are no entries (a torn last one) are passed over."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECORD
        self._entries: dict[str, Entry] = {}
        for entry in _read(self.path):
            self._entries[entry.source] = entry
        self._next = 1 + max((entry.index for entry in self._entries.values()), default=-1)

    def of(self, source: Path) -> Entry | None:
        return self._entries.get(str(source))

    def index_for(self, source: Path) -> int:
        """The number of a source: its own from last time, else the next."""
        known = self.of(source)
        return known.index if known else self._next

    @contextmanager
    def writing(self, entry: Entry) -> Iterator[None]:
        """Inside, the results of ``entry`` are written; it counts as finished when the block ends well."""
        self._add(replace(entry, finished=False))
        yield
        self._add(entry)

    def _add(self, entry: Entry) -> None:
        with disk_errors(self.path):
            make_folder(self.path.parent)
            with self.path.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(json.dumps(asdict(entry), ensure_ascii=True) + "\n")
        self._entries[entry.source] = entry
        self._next = max(self._next, entry.index + 1)

    def tidy(self) -> None:
        """One line a source again."""
        if self._entries and self.path.exists():
            write_text(self.path, "".join(json.dumps(asdict(entry)) + "\n" for entry in self._entries.values()))


def stamp_of(path: Path, *companions: Path | None) -> str:
    """Size and time of a source with its caption and mask: another content, for all that can be seen without reading."""
    stats = [each.stat() for each in (path, *companions) if each is not None]
    return " ".join(f"{stat.st_size}:{stat.st_mtime_ns}" for stat in stats)


def recipe_of(settings: PrepareSettings) -> str:
    """A short name for all settings that change results."""
    values = {key: value for key, value in asdict(settings).items() if key not in _WITHOUT_EFFECT}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> Iterator[Entry]:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return
    except OSError as error:
        raise ResourceError(f"{path} cannot be read: {error.strerror or error}.", field="destination") from error
    for line in text.splitlines():
        try:
            yield _entry(json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue


def _entry(values: dict[str, Any]) -> Entry:
    results: Sequence[str] = values["results"]
    if not all(isinstance(name, str) and "/" not in name and "\\" not in name for name in results):
        raise ValueError("a result's name that leads elsewhere")
    return Entry(
        source=str(values["source"]),
        index=int(values["index"]),
        stamp=str(values["stamp"]),
        recipe=str(values["recipe"]),
        results=tuple(results),
        finished=values["finished"] is True,
    )
