"""Everything that can be asked about runs, wherever they are: in this process, in the queue of another one, or on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.settings.train_config import TrainConfig
from .errors import ConflictError, UnknownRunError
from .history.log import EventLog
from .history.stored_run import FoundRun, RunFinder
from .queue import RunQueue, other_summary
from .queue_file import QueuedRun
from .run import Run
from .store import RunStore
from .turns import Turns


class Catalogue:
    """``log_dirs`` are searched for runs of earlier processes, beside the log directories of the runs in the store."""

    def __init__(self, store: RunStore, queue: RunQueue, turns: Turns, *, log_dirs: Sequence[Path]) -> None:
        self._store, self._queue, self._turns = store, queue, turns
        self.given = list(log_dirs)
        self._finder = RunFinder()

    def searched(self) -> list[Path]:
        """The log directories, the given ones first."""
        others = sorted({Path(run.config.log_dir) for run in self._store.all()})
        return list(dict.fromkeys([*self.given, *others]))

    def found(self, run_id: str) -> FoundRun | None:
        """A run on disk."""
        return next((run for run in self._finder.runs(self.searched()) if run.id == run_id), None)

    def run(self, run_id: str) -> Run:
        """A run of this process. Raises UnknownRunError, or ConflictError for one that is only queued or on disk."""
        known = self._known(run_id)
        if isinstance(known, Run):
            return known
        if known is not None:
            raise ConflictError(f"'{known.name}' has not begun. Start it first.")
        if found := self.found(run_id):
            raise ConflictError(f"'{found.config.name}' is not running. Resume it first.")
        raise unknown(run_id)

    def runs(self) -> list[dict[str, Any]]:
        """Summaries: runs of this process, newest first; those that other processes queued; then those found on disk."""
        self._turns.drop_removed()
        mine = sorted(self._store.all(), key=lambda run: run.created, reverse=True)
        queued = [item for item in self._queue.others() if self._store.get(item.id) is None]
        known = {*(run.id for run in mine), *(item.id for item in queued)}
        folders = {run.progress.folder.resolve() for run in mine if run.progress.folder is not None}
        found = [run for run in self._finder.runs(self.searched()) if run.folder not in folders]
        return [
            *(self._summary(run) for run in mine),
            *(other_summary(item) for item in queued),
            *(run.summary() for run in found if run.id not in known),
        ]

    def settings(self, run_id: str) -> TrainConfig:
        """Raises InputError where a queue file that somebody wrote into holds none."""
        known = self._known(run_id)
        if isinstance(known, Run):
            return known.config
        if known is not None:
            return TrainConfig.from_mapping(known.settings)
        if found := self.found(run_id):
            return found.config
        raise unknown(run_id)

    def summary(self, run_id: str) -> dict[str, Any]:
        """As in ``runs``, with all that is known of one run."""
        known = self._known(run_id)
        if isinstance(known, Run):
            return self._summary(known)
        found = self.found(run_id)
        history = self._finder.history(found) if found is not None else None
        told = {**history.progress.to_mapping(), "advice": history.advice.sentences()} if history is not None else {}
        if known is not None:
            return {**told, **other_summary(known)}
        if found is not None:
            return {**told, **found.summary()}
        raise unknown(run_id)

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

    def folder(self, run_id: str) -> Path:
        """The folder of a run that has one. Raises UnknownRunError or ConflictError."""
        if run := self._store.get(run_id):
            if run.progress.folder is None:
                raise ConflictError(f"'{run.config.name}' has not saved anything yet.")
            return run.progress.folder
        if found := self.found(run_id):
            return found.folder
        self.run(run_id)
        raise unknown(run_id)

    def _known(self, run_id: str) -> Run | QueuedRun | None:
        """A run of this process, or one that another queued. The runs are asked again after the queue: one that is taken over
        from it in that moment is among them before it leaves the queue."""
        return self._store.get(run_id) or self._queue.get(run_id) or self._store.get(run_id)

    def _summary(self, run: Run) -> dict[str, Any]:
        return {**run.summary(), **self._turns.place(run)}

    def _log(self, run_id: str) -> EventLog | None:
        if run := self._store.get(run_id):
            return run.log
        found = self.found(run_id)
        return self._finder.history(found).log if found is not None else None

    def _folders(self, run_id: str) -> list[Path]:
        if run := self._store.get(run_id):
            return [folder.resolve() for folder in run.folders]
        found = self.found(run_id)
        return [found.folder.resolve()] if found is not None else []


def unknown(run_id: str) -> UnknownRunError:
    return UnknownRunError(f"There is no run {run_id!r}. The list of runs shows those there are.")
