"""The queue of runs as it lies on disk: one small JSON file, for all programs that share a log directory.

Who changes it holds the operating system's lock on a file beside it, reads, and writes the whole atomically. So a crash
leaves either the old queue or the new one, and no two programs can take the same run.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.base.files import disk_errors, make_folder, write_json
from .errors import ConflictError
from .locks.file_lock import exclusive
from .locks.owner import Owner, is_alive

_VERSION = 1
_PATIENCE_SECONDS = 5.0
_LARGEST = 20_000_000
"""Bytes. An entry has about three thousand."""

Stamp = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class QueuedRun:
    """A run that waits: its settings; the folder of the run that it goes on with, if it does, and from which kept step.

    ``queued`` is in seconds since 1970. ``owner`` is the process whose turn-taking it waits in; None, or one that is gone:
    it was left from before a restart.
    """

    id: str
    settings: Mapping[str, Any]
    folder: str = ""
    from_step: int | None = None
    queued: float = 0.0
    owner: Owner | None = None

    @property
    def name(self) -> str:
        name = self.settings.get("name")
        return name if isinstance(name, str) else ""

    @property
    def is_left(self) -> bool:
        """Nobody's any more: whoever queued it has ended."""
        return self.owner is None or not is_alive(self.owner)

    def is_of(self, owner: Owner) -> bool:
        return self.owner is not None and self.owner.get("token") == owner.get("token")

    def to_mapping(self) -> dict[str, Any]:
        return {**vars(self), "settings": dict(self.settings), "owner": dict(self.owner) if self.owner else None}


@dataclass(frozen=True, kw_only=True)
class _Content:
    items: tuple[QueuedRun, ...] = ()
    goes_on: bool = False


_EMPTY = _Content()


class QueueFile:
    """Any thread may call any method. ``path`` None keeps the queue in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._content = _EMPTY
        self._seen: Stamp | None = None
        self._thread_lock = threading.RLock()

    def items(self) -> tuple[QueuedRun, ...]:
        """In the order of their turns. What cannot be read counts as empty; it is set aside with the next change."""
        return self._now().items

    @property
    def goes_on(self) -> bool:
        """Tell whether a person wants that what is left of it after a restart begins by itself."""
        return self._now().goes_on

    def go_on(self, wanted: bool) -> None:
        """Raises as ``changing``."""
        with self._thread_lock, self._locked():
            self._write(replace(self._now(), goes_on=wanted))

    @contextmanager
    def changing(self) -> Iterator[list[QueuedRun]]:
        """The items, to be changed in place; written when the block ends without an error.

        Raises ConflictError while another program is at it, ResourceError where the file cannot be written.
        """
        with self._thread_lock, self._locked():
            before = self._now()
            items = list(before.items)
            yield items
            if tuple(items) != before.items:
                self._write(replace(before, items=tuple(items)))

    def _now(self) -> _Content:
        if self._path is None:
            return self._content
        with self._thread_lock:
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._content, self._seen = _read(self._path) or _EMPTY, stamp
            return self._content

    def _write(self, content: _Content) -> None:
        if self._path is not None:
            if _read(self._path) is None:
                with suppress(OSError):
                    self._path.replace(self._path.with_suffix(".unreadable.json"))
            runs = [item.to_mapping() for item in content.items]
            write_json(self._path, {"version": _VERSION, "go_on_after_restart": content.goes_on, "runs": runs})
            self._seen = _stamp(self._path)
        self._content = content

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self._path is None:
            yield
            return
        beside = self._path.with_name(f".{self._path.name}.lock")
        with disk_errors(beside):
            make_folder(beside.parent)
            file = beside.open("a+", encoding="utf-8")
        with file, ExitStack() as held:
            _wait_for(lambda: held.enter_context(exclusive(file)))
            yield


def _wait_for(take: Callable[[], object]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            take()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise ConflictError("The queue is being changed by another program. Try again in a moment.") from error
            time.sleep(0.02)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino ^ status.st_size << 20


def _read(path: Path) -> _Content | None:
    """None where there is a file that holds no queue."""
    try:
        if path.stat().st_size > _LARGEST:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        items = tuple(item for entry in content["runs"] if (item := _item(entry)) is not None)
        return _Content(items=items, goes_on=content.get("go_on_after_restart") is True)
    except FileNotFoundError:
        return _EMPTY
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _item(entry: Any) -> QueuedRun | None:
    """An entry as it was written; None for anything else, which would be a run that nobody asked for."""
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("id"), str)
        or not isinstance(entry.get("settings"), dict)
    ):
        return None
    folder, step, queued, owner = (entry.get(key) for key in ("folder", "from_step", "queued", "owner"))
    return QueuedRun(
        id=entry["id"],
        settings=entry["settings"],
        folder=folder if isinstance(folder, str) else "",
        from_step=step if type(step) is int else None,
        queued=float(queued) if type(queued) in (int, float) and math.isfinite(queued) else 0.0,
        owner=owner if isinstance(owner, dict) else None,
    )
