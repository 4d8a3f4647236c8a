"""The queue of waiting runs, shared through a file: those of this process, and those that an ended process left there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import ConflictError, UnknownRunError
from .locks.owner import this_process
from .queue_file import QueuedRun, QueueFile


class RunQueue:
    """Any thread may call any method. All raise ConflictError or ResourceError as the file does."""

    def __init__(self, path: Path | None) -> None:
        self._file = QueueFile(path)
        self._me = this_process()
        self._taken: set[str] = set()

    def add(self, item: QueuedRun) -> None:
        """To the end."""
        with self._file.changing() as items:
            items.append(replace(item, owner=self._me))

    @property
    def goes_on(self) -> bool:
        """Tell whether what is left of it after a restart begins by itself."""
        return self._file.goes_on

    def go_on(self, wanted: bool) -> None:
        self._file.go_on(wanted)

    def mine(self) -> list[str]:
        """The ids of this process's waiting runs, in the order of their turns."""
        return [item.id for item in self._file.items() if item.is_of(self._me) and item.id not in self._taken]

    def others(self) -> list[QueuedRun]:
        """Runs that an ended process left, and those that another one will start."""
        return [item for item in self._file.items() if not item.is_of(self._me)]

    def get(self, run_id: str) -> QueuedRun | None:
        """One of the ``others``."""
        return next((item for item in self.others() if item.id == run_id), None)

    def take(self, run_id: str) -> bool:
        """Its turn has come; False where it was removed meanwhile. It stays on disk until ``done``: the process may die yet."""
        if not any(item.id == run_id and item.is_of(self._me) for item in self._file.items()):
            return False
        self._taken.add(run_id)
        return True

    def done(self, run_id: str) -> None:
        """It is on disk as a run now, or over."""
        if run_id in self._taken:
            self.remove(run_id)
            self._taken.discard(run_id)

    def remove(self, run_id: str) -> None:
        with self._file.changing() as items:
            items[:] = [item for item in items if item.id != run_id]

    def claim(self, run_id: str) -> None:
        """Make a run that was left behind ours, the last one. Raises ConflictError where somebody else was quicker."""
        with self._file.changing() as items:
            found = next((item for item in items if item.id == run_id), None)
            if found is None:
                raise UnknownRunError("This run is no longer in the queue.")
            if not found.is_left:
                raise ConflictError(f"'{found.name}' was started, or is waiting, in another program.")
            items.remove(found)
            items.append(replace(found, owner=self._me))

    def move(self, run_id: str, place: int) -> None:
        """To ``place`` among this process's waiting runs, from 1; to the end where there are fewer."""
        with self._file.changing() as items:
            found = next((item for item in items if item.id == run_id and item.is_of(self._me)), None)
            if found is None:
                raise UnknownRunError("This run is no longer in the queue.")
            items.remove(found)
            mine = [index for index, item in enumerate(items) if item.is_of(self._me) and item.id not in self._taken]
            behind = mine[place - 1 :]
            items.insert(behind[0] if behind else len(items), found)

    def leave(self) -> None:
        """This process ends: what waits becomes what was left behind; what was taken ends and saves by itself."""
        if not any(item.is_of(self._me) for item in self._file.items()):
            return
        with self._file.changing() as items:
            items[:] = [replace(item, owner=None) if item.is_of(self._me) else item for item in items]


def other_summary(item: QueuedRun) -> dict[str, Any]:
    """The same keys as ``Run.summary``, as far as they are known, for a run that another process queued."""
    steps = item.settings.get("steps")
    pid = (item.owner or {}).get("pid")
    left = item.is_left
    return {
        "id": item.id,
        "name": item.name,
        "state": "held" if left else "waiting",
        "created": item.queued,
        "last_event": 0,
        "step": item.from_step or 0,
        "total_steps": steps if isinstance(steps, int) else 0,
        "run_dir": item.folder,
        "place": None,
        "elsewhere": not left,
        "note": "Queued before the restart." if left else f"Waits in another program (process {pid}).",
    }
