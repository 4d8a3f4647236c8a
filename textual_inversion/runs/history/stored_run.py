"""Runs that earlier processes left in the log directories and that can be gone on with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.base.errors import UserError
from ...core.record.events import Event, Saved
from ...core.record.run_folder import RunDirectory, open_run_directory
from ...core.record.state_file import load_state
from ...core.settings.train_config import TrainConfig
from .advice import Advice
from .from_disk import events_of
from .log import EventLog
from .summary import Progress

_HISTORIES_KEPT = 8


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """A run on disk, as its last save left it. ``written`` is in seconds since 1970."""

    id: str
    config: TrainConfig
    folder: Path
    step: int
    written: float
    best_step: int | None = None

    def summary(self) -> dict[str, Any]:
        """The same keys as ``Run.summary``, as far as they are known."""
        return {
            "id": self.id,
            "name": self.config.name,
            "state": "resumable",
            "created": self.written,
            "last_event": 0,
            "step": self.step,
            "total_steps": self.config.steps,
            "run_dir": str(self.folder),
        }

    def history(self, *, up_to: int | None = None) -> History:
        """Read the events from its folder; as far as step ``up_to`` for a run that continues from there, whose copies are its own."""
        history = History()
        for event in events_of(self.folder, up_to=up_to):
            if up_to is None or not isinstance(event, Saved):
                history.add(event)
        step = self.step if up_to is None else up_to
        history.progress.step, history.progress.total_steps = step, self.config.steps
        history.progress.run_dir, history.progress.best_step = str(self.folder), self.best_step
        return history


class History:
    """The events of a run and what they add up to."""

    def __init__(self) -> None:
        self.log, self.progress, self.advice = EventLog(), Progress(), Advice()

    def add(self, event: Event) -> None:
        self.log.append(event)
        self.progress.update(event)
        self.advice.update(event)


class RunFinder:
    """Looks through log directories; a run that did not change is not read again."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[float, FoundRun | None]] = {}
        self._histories: dict[str, tuple[float, History]] = {}

    def history(self, run: FoundRun) -> History:
        """Read once, until the run's state or loss table changes."""
        written = max(run.written, _modified(RunDirectory(run.folder, run.config.name).loss_table))
        seen = self._histories.get(run.id)
        if seen is None or seen[0] != written:
            seen = written, run.history()
            self._histories = {**dict(list(self._histories.items())[-_HISTORIES_KEPT:]), run.id: seen}
        return seen[1]

    def runs(self, log_dirs: Iterable[Path]) -> list[FoundRun]:
        """Newest first. A folder that cannot be read as a run, or that has no state to go on from, is left out."""
        states = {path.resolve() for folder in log_dirs for path in folder.glob("*/*/resume.safetensors")}
        self._seen = {path: self._look(path) for path in states}
        found = [run for _, run in self._seen.values() if run is not None]
        return sorted(found, key=lambda run: run.written, reverse=True)

    def _look(self, path: Path) -> tuple[float, FoundRun | None]:
        try:
            written = path.stat().st_mtime
        except OSError:
            return 0.0, None
        seen = self._seen.get(path)
        return seen if seen is not None and seen[0] == written else (written, _read(path.parent, written))


def _read(folder: Path, written: float) -> FoundRun | None:
    try:
        run, content = open_run_directory(folder)
        config = TrainConfig.from_mapping(content["config"])
        state = load_state(run.state)
    except UserError:
        return None
    return FoundRun(
        id=id_of(folder), config=config, folder=folder, step=state.step, written=written, best_step=state.best_step
    )


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def id_of(folder: Path) -> str:
    """A run's id as long as no process has it in memory: it follows from where it lies."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
