"""The runs that this process has in memory, by id."""

from __future__ import annotations

import threading

from .run import Run

ENDED_RUNS_KEPT = 20
"""Older ones are dropped from memory; they stay on disk."""


class RunStore:
    """Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}

    def all(self) -> list[Run]:
        with self._lock:
            return list(self._runs.values())

    def get(self, run_id: str) -> Run | None:
        with self._lock:
            return self._runs.get(run_id)

    def keep(self, run: Run) -> None:
        with self._lock:
            self._runs[run.id] = run
            ended = [old for old in self._runs.values() if not old.active and old.state != "paused" and old is not run]
            for old in sorted(ended, key=lambda old: old.created)[:-ENDED_RUNS_KEPT]:
                del self._runs[old.id]

    def forget(self, run: Run) -> None:
        with self._lock:
            self._runs.pop(run.id, None)

    def working(self) -> Run | None:
        """The run that has been launched and not ended: it has the model, or is the next to get it."""
        return next((run for run in self.all() if run.active and not run.queued), None)

    def paused(self) -> Run | None:
        return next((run for run in self.all() if run.state == "paused"), None)
