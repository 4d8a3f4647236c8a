"""Everything that can be asked about runs, wherever they are: in this process, queued before a restart, or on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.settings.train_config import TrainConfig
from .errors import ConflictError, UnknownRunError
from .history.log import EventLog
from .history.stored_run import StoredRun
from .history.stored_runs import StoredRuns
from .queue import RunQueue
from .queue_file import QueuedRun
from .run import Run
from .store import RunStore
from .turns import Turns


class Catalogue:
    """Looks for a run in this order: in the ``store``, among those held in the ``queue``, among the ``stored`` ones."""

    def __init__(self, store: RunStore, queue: RunQueue, turns: Turns, stored: StoredRuns) -> None:
        self._store, self._queue, self._turns, self._stored = store, queue, turns, stored

    def run(self, run_id: str) -> Run:
        """A run of this process. Raises UnknownRunError, or ConflictError for one that is only queued or on disk."""
        known = self._known(run_id)
        if isinstance(known, Run):
            return known
        if isinstance(known, QueuedRun):
            raise ConflictError(f"'{known.name}' has not begun. Start it first.")
        raise ConflictError(f"'{known.config.name}' is not running. Resume it first.")

    def runs(self) -> list[dict[str, Any]]:
        """Summaries: runs of this process, newest first; those queued before a restart; then those found on disk."""
        mine = sorted(self._store.all(), key=lambda run: run.created, reverse=True)
        held = [item for item in self._queue.held() if self._store.get(item.id) is None]
        known = {*(run.id for run in mine), *(item.id for item in held)}
        folders = {run.progress.folder.resolve() for run in mine if run.progress.folder is not None}
        stored = [run for run in self._stored.all() if run.folder not in folders and run.id not in known]
        return [
            *(self._summary(run) for run in mine),
            *(item.summary() for item in held),
            *(run.summary() for run in stored if run.step is not None),
        ]

    def settings(self, run_id: str) -> TrainConfig:
        """Raises InputError where a queue file that somebody wrote into holds none."""
        known = self._known(run_id)
        return TrainConfig.from_mapping(known.settings) if isinstance(known, QueuedRun) else known.config

    def summary(self, run_id: str) -> dict[str, Any]:
        """As in ``runs``, with all that is known of one run."""
        known = self._known(run_id)
        if isinstance(known, Run):
            return self._summary(known)
        stored = self._stored.get(run_id)
        history = self._stored.history(stored) if stored is not None else None
        told = {**history.progress.to_mapping(), "advice": history.advice.sentences()} if history is not None else {}
        return {**told, **known.summary()}

    def events(self, run_id: str, after: int, *, limit: int) -> dict[str, Any]:
        """Events numbered above ``after``, oldest first; ``more`` tells that the limit cut them. Of a run on disk they are
        made from what its folder holds."""
        log = self._log(run_id)
        events, more = log.after(after, limit=limit) if log is not None else ([], False)
        return {"run": self.summary(run_id), "events": events, "more": more}

    def picture(self, run_id: str, number: int) -> Path:
        """The file that event ``number`` of a run told of, if it lies in a folder of that run. Raises UnknownRunError."""
        log = self._log(run_id)
        event = log.get(number) if log is not None else None
        if event is None or not event.get("path"):
            raise UnknownRunError(f"Event {number} of this run has no file.")
        path = Path(event["path"]).resolve()
        if not any(path.is_relative_to(folder) for folder in self._folders(run_id)) or not path.is_file():
            raise UnknownRunError(f"The file of event {number} is no longer in the run's folder.")
        return path

    def folder(self, run_id: str) -> Path | None:
        """The folder of a run, as far as it is anywhere on disk. Raises UnknownRunError."""
        known = self._known(run_id)
        if isinstance(known, Run):
            return known.progress.folder
        if isinstance(known, QueuedRun):
            return Path(known.folder) if known.folder else None
        return known.folder

    def _known(self, run_id: str) -> Run | QueuedRun | StoredRun:
        """Raises UnknownRunError. The runs are asked again after the queue: one that is taken over from it in that moment is
        among them before it leaves the queue."""
        known = self._store.get(run_id) or self._queue.get(run_id) or self._store.get(run_id)
        if known is None:
            known = self._stored.get(run_id)
        if known is None:
            raise UnknownRunError(f"There is no run {run_id!r}. The list of runs shows those there are.")
        return known

    def _summary(self, run: Run) -> dict[str, Any]:
        return {**run.summary(), **self._turns.place(run)}

    def _log(self, run_id: str) -> EventLog | None:
        if run := self._store.get(run_id):
            return run.log
        stored = self._stored.get(run_id)
        return self._stored.history(stored).log if stored is not None else None

    def _folders(self, run_id: str) -> list[Path]:
        if run := self._store.get(run_id):
            return [folder.resolve() for folder in run.folders]
        stored = self._stored.get(run_id)
        return [stored.folder] if stored is not None else []
