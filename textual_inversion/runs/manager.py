"""All training runs of this process, by id: what the tab, the HTTP routes and tests start and steer them through."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..core.config import TrainConfig
from ..core.host import Host
from .errors import ConflictError, UnknownRunError
from .found import FoundRun, RunFinder
from .run import Gate, Run, Train
from .sheets import Sheets, Watch

SETTLE_SECONDS = 1.5
"""How long ``start`` waits for the first sign of life, so that a refused setting is an answer and not an event."""

ENDED_RUNS_KEPT = 20
"""Older ones are dropped from memory; they stay on disk."""

EVENTS_AT_ONCE = 500


class RunManager:
    """Runs take turns at ``gate``: the host's lock, entered around everything that uses the model.

    ``log_dirs`` are searched for runs of earlier processes, beside the log directories of the runs started here.
    ``watch`` lets the host's own Interrupt reach what is made besides runs.
    ``defaults`` are this host's values for settings that nobody gives (size of the pictures, log directory).
    """

    def __init__(
        self,
        host: Host,
        gate: Gate,
        *,
        train: Train | None = None,
        watch: Watch | None = None,
        log_dirs: Sequence[Path] = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.host = host
        self.defaults = dict(defaults or {})
        self.sheets = Sheets(host, borrow=self.borrow, watch=watch)
        self._gate = gate
        self._train = train or _default_train()
        self._log_dirs = [*log_dirs]
        self._runs: dict[str, Run] = {}
        self._finder = RunFinder()
        self._lock = threading.Lock()

    def config(self, values: Mapping[str, Any]) -> TrainConfig:
        """A run's settings from those given, by name; the others are this host's. Raises InputError naming the field."""
        return TrainConfig.from_mapping({**self.defaults, **values})

    def start(self, config: TrainConfig, *, settle: float = SETTLE_SECONDS) -> str:
        """Begin a run and return its id. Raises InputError for refused settings, ConflictError where the name is taken."""
        run = self._new(secrets.token_hex(6), config)
        run.begin()
        self._keep(run)
        try:
            run.settle(settle)
        except Exception:
            self._forget(run)
            raise
        return run.id

    def resume(
        self, run_id: str, *, steps: int | None = None, from_step: int | None = None, settle: float = SETTLE_SECONDS
    ) -> str:
        """Go on with a run that was paused, ended, or left on disk; ``steps`` is a new total. The id stays the same."""
        run = self._runs.get(run_id)
        if run is None and (found := self._found(run_id)):
            run = self._new(run_id, found.config)
            run.progress = found.progress()
        if run is None:
            raise _unknown(run_id)
        folder = run.progress.folder
        if folder is None:
            raise ConflictError(f"'{run.config.name}' ended before anything was saved. Start it again instead.")
        if steps is not None and not run.active:
            run.config = run.config.replace(steps=steps)
        run.begin(resume=folder, from_step=from_step)
        self._keep(run)
        run.settle(settle)
        return run.id

    def interrupt(self, run_id: str) -> None:
        """Stop at the next step and keep everything."""
        self.run(run_id).interrupt()

    def pause(self, run_id: str) -> None:
        """Stop at the next step, save the state and leave the model to others until ``resume``."""
        self.run(run_id).pause()

    def save_now(self, run_id: str) -> None:
        self.run(run_id).save_now()

    def preview_now(self, run_id: str) -> None:
        self.run(run_id).preview_now()

    def run(self, run_id: str) -> Run:
        """A run of this process. Raises UnknownRunError, or ConflictError for one that is only on disk."""
        run = self._runs.get(run_id)
        if run is not None:
            return run
        if found := self._found(run_id):
            raise ConflictError(f"'{found.config.name}' is not running. Resume it first.")
        raise _unknown(run_id)

    def runs(self) -> list[dict[str, Any]]:
        """Summaries, newest first: runs of this process, then those found on disk."""
        mine = sorted(self._all(), key=lambda run: run.created, reverse=True)
        folders = {run.progress.folder.resolve() for run in mine if run.progress.folder is not None}
        found = [run for run in self._finder.runs(self._searched()) if run.folder not in folders]
        return [run.summary() for run in mine] + [run.summary() for run in found if run.id not in self._runs]

    def describe(self, run_id: str) -> dict[str, Any]:
        """Summary and settings of a run, wherever it is."""
        run = self._runs.get(run_id) or self._found(run_id)
        if run is None:
            raise _unknown(run_id)
        return {**run.summary(), "config": run.config.to_mapping()}

    def events(self, run_id: str, after: int = 0, *, limit: int = EVENTS_AT_ONCE) -> dict[str, Any]:
        """Events numbered above ``after``, oldest first; ``more`` tells that the limit cut them. None for a run on disk."""
        run = self._runs.get(run_id)
        if run is None:
            return {"run": self.describe(run_id), "events": [], "more": False}
        events, more = run.log.after(after, limit=limit)
        return {"run": run.summary(), "events": events, "more": more}

    def picture(self, run_id: str, number: int) -> Path:
        """The file that event ``number`` of a run told of, if it lies in that run's folder. Raises UnknownRunError."""
        run = self.run(run_id)
        event, folder = run.log.get(number), run.progress.folder
        if event is None or folder is None or not event.get("path"):
            raise UnknownRunError(f"Event {number} of this run has no file.")
        path = Path(event["path"]).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            raise UnknownRunError(f"The file of event {number} is no longer in the run's folder.")
        return path

    @contextmanager
    def borrow(self) -> Iterator[None]:
        """The model for something short, a picture or a new embedding. Raises ConflictError while a run holds it.

        A run that was told to pause or stop is waited for.
        """
        holder = next((run for run in self._all() if run.active and not run.leaving), None)
        if holder is not None:
            raise ConflictError(
                f"'{holder.config.name}' is being trained and has the model. Pause it first; it can be resumed afterwards."
            )
        with self._gate:
            yield

    @property
    def log_dirs(self) -> list[Path]:
        """Where runs are looked for: the host's own log directory first."""
        own = Path(self.config({}).log_dir)
        return list(dict.fromkeys([*self._log_dirs, own, *sorted(self._searched())]))

    def close(self, seconds: float = 30.0) -> None:
        """Interrupt all runs and wait until they have saved."""
        self.sheets.close()
        active = [run for run in self._all() if run.active]
        for run in active:
            with suppress(ConflictError):  # it has just ended by itself
                run.interrupt()
        for run in active:
            run.join(seconds)

    def _new(self, run_id: str, config: TrainConfig) -> Run:
        return Run(run_id=run_id, config=config, host=self.host, gate=self._gate, train=self._train)

    def _all(self) -> list[Run]:
        with self._lock:
            return list(self._runs.values())

    def _keep(self, run: Run) -> None:
        with self._lock:
            self._runs[run.id] = run
            ended = [old for old in self._runs.values() if not old.active and old.state != "paused" and old is not run]
            for old in sorted(ended, key=lambda old: old.created)[:-ENDED_RUNS_KEPT]:
                del self._runs[old.id]

    def _forget(self, run: Run) -> None:
        with self._lock:
            self._runs.pop(run.id, None)

    def _searched(self) -> set[Path]:
        return {*self._log_dirs, *(Path(run.config.log_dir) for run in self._all())}

    def _found(self, run_id: str) -> FoundRun | None:
        return next((run for run in self._finder.runs(self._searched()) if run.id == run_id), None)


def _unknown(run_id: str) -> UnknownRunError:
    return UnknownRunError(f"There is no run {run_id!r}. The list of runs shows those there are.")


def _default_train() -> Train:
    from ..core.run import train

    return train
