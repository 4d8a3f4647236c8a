"""The queue as it lies on disk: one small JSON file, of one program at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..core.base.files import disk_errors, make_folder, write_json

_VERSION = 1
_LARGEST = 20_000_000
"""Bytes. An entry has about three thousand."""


@dataclass(frozen=True, kw_only=True)
class QueuedRun:
    """A run that waits: its settings; the folder of the run that it goes on with, if it does, and from which kept step.

    ``step`` is where it stands now, ``queued`` is in seconds since 1970.
    """

    id: str
    settings: Mapping[str, Any]
    folder: str = ""
    from_step: int | None = None
    step: int = 0
    queued: float = 0.0

    @property
    def name(self) -> str:
        """The embedding's; empty where somebody wrote settings without one into the file."""
        name = self.settings.get("name")
        return name if isinstance(name, str) else ""

    def to_mapping(self) -> dict[str, Any]:
        """Fit for JSON."""
        return {**vars(self), "settings": dict(self.settings)}

    def summary(self) -> dict[str, Any]:
        """The same keys as ``Run.summary``, as far as they are known, of one that nobody has started since the restart."""
        steps = self.settings.get("steps")
        return {
            "id": self.id,
            "name": self.name,
            "state": "held",
            "created": self.queued,
            "last_event": 0,
            "step": self.step,
            "total_steps": steps if isinstance(steps, int) else 0,
            "run_dir": self.folder,
            "place": None,
            "note": "Queued before the restart.",
        }


class QueueFile:
    """The file, from ``open`` to ``close`` this program's alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0, thread_local=False)

    @property
    def is_open(self) -> bool:
        return self._lock.is_locked

    def open(self) -> bool:
        """True unless another program has it. Raises ResourceError where there cannot be such a file."""
        with disk_errors(self._path):
            make_folder(self._path.parent)
            with suppress(Timeout):
                self._lock.acquire()
        return self._lock.is_locked

    def close(self) -> None:
        self._lock.release()

    def read(self) -> tuple[list[QueuedRun], bool]:
        """The runs in it, and whether they begin by themselves. What holds no queue is set aside."""
        try:
            if self._path.stat().st_size > _LARGEST:
                raise ValueError("too large")
            content = json.loads(self._path.read_text(encoding="utf-8"))
            items = {item.id: item for entry in content["runs"] if (item := _item(entry)) is not None}
            return list(items.values()), content.get("go_on_after_restart") is True
        except FileNotFoundError:
            return [], False
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            with suppress(OSError):
                self._path.replace(self._path.with_suffix(".unreadable.json"))
            return [], False

    def write(self, items: Iterable[QueuedRun], *, goes_on: bool) -> None:
        """Raises ResourceError."""
        runs = [item.to_mapping() for item in items]
        write_json(self._path, {"version": _VERSION, "go_on_after_restart": goes_on, "runs": runs})


def _item(entry: Any) -> QueuedRun | None:
    """An entry as it was written; None for anything else, which would be a run that nobody asked for."""
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("id"), str)
        or not isinstance(entry.get("settings"), dict)
    ):
        return None
    values: dict[str, Any] = entry
    folder, from_step, step, queued = (values.get(key) for key in ("folder", "from_step", "step", "queued"))
    return QueuedRun(
        id=values["id"],
        settings=values["settings"],
        folder=folder if isinstance(folder, str) else "",
        from_step=from_step if type(from_step) is int else None,
        step=step if type(step) is int else 0,
        queued=float(queued) if isinstance(queued, (int, float)) and math.isfinite(queued) else 0.0,
    )
