"""One run: its thread, its state, and what it told so far."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from ..core.base.control import Control
from ..core.base.errors import UserError
from ..core.model.host import Host
from ..core.record.events import Emit, Event, Finished, Outcome, Prepared
from ..core.settings.train_config import TrainConfig
from .background_job import BackgroundJob
from .errors import ConflictError
from .history.advice import Advice
from .history.log import EventLog
from .history.run_id import note_id
from .history.stored_run import History
from .history.summary import Progress
from .locks.name_lock import NameLock

State = Literal["new", "waiting", "running", "paused", "done", "stopped", "interrupted", "failed"]
ACTIVE: tuple[State, ...] = ("waiting", "running")
Gate = AbstractContextManager[Any]
"""Entered again and again: one lock, not a context manager for a single use."""


class Train(Protocol):
    """``core.run.train``."""

    def __call__(
        self,
        config: TrainConfig,
        host: Host,
        *,
        control: Control,
        emit: Emit,
        resume: Path | None = None,
        from_step: int | None = None,
    ) -> Finished: ...


class Watcher(Protocol):
    """Listener of the runs; called in their threads and without any lock held."""

    def told(self, run: Run, event: Event) -> None: ...
    def left(self, run: Run) -> None: ...


class Run:
    """A training run from its start to its end, through any number of pauses.

    ``enter`` takes the name, whose lock is held until the run ends, also while it is paused; ``launch`` begins to work.
    Between the two it waits in the queue, without a thread.
    """

    def __init__(
        self, *, run_id: str, config: TrainConfig, host: Host, gate: Gate, train: Train, watcher: Watcher | None = None
    ) -> None:
        self.id = run_id
        self.config = config
        self.log = EventLog()
        self.created = time.time()
        self.state: State = "new"
        self.progress = Progress(total_steps=config.steps)
        self.advice = Advice()
        self.folders: set[Path] = set()
        self._host, self._gate, self._train, self._watcher = host, gate, train, watcher
        self._name_lock = NameLock(host.embeddings_dir, config.name)
        self._change = threading.RLock()
        self._control = Control()
        self._outcome: Outcome | None = None
        self._goes_on_with: tuple[Path | None, int | None] = (None, None)
        self._job: BackgroundJob | None = None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def queued(self) -> bool:
        """It waits for its turn and has not been launched."""
        return self.state == "waiting" and self._job is None

    @property
    def leaving(self) -> bool:
        """It was told to stop or pause and will give the model back in a moment."""
        return self.state == "running" and self._control.stop_wanted

    def enter(self, *, resume: Path | None = None, from_step: int | None = None) -> None:
        """Take the name, to start or to go on. Raises ConflictError where the run goes on already or the name is taken."""
        with self._change:
            if self.active:
                raise ConflictError(f"'{self.config.name}' is {self.state} already.")
            if self.state != "paused":
                self._name_lock.acquire()
            self._control, self.state = Control(), "waiting"
            self._goes_on_with, self._job, self._outcome = (resume, from_step), None, None

    def launch(self) -> None:
        """Begin to work as soon as the model is free; after ``enter``."""
        with self._change:
            if not self.queued:
                return
            self._job = BackgroundJob(
                f"textual inversion: {self.config.name}",
                partial(self._work, self._control),
                ended=partial(self._ended, self._control),
            )
            self._job.start()

    def give_up(self, state: State) -> None:
        """Leave the queue for the state it had before; nothing is told."""
        with self._change:
            self.state = state
            if state != "paused":
                self._name_lock.release()

    def take_over(self, history: History) -> None:
        """Take over the events told before, by another process, say."""
        self.log, self.progress, self.advice = history.log, history.progress, history.advice
        if self.progress.folder is not None:
            self.folders.add(self.progress.folder)

    def tell(self, event: Event) -> None:
        """Have watchers see what was done with the run's files from outside."""
        self._receive(event)

    def settle(self, seconds: float) -> None:
        """Wait until the first sign of life, or the end, of a run just begun; raises what refused its settings, once its
        name is free again."""
        if self._job is not None:
            self._job.settle(seconds)

    def join(self, seconds: float) -> None:
        """Wait for its end."""
        if self._job is not None:
            self._job.join(seconds)

    def interrupt(self) -> None:
        """End it at the next step, everything saved; at once where it waits for its turn or is paused."""
        with self._change:
            if self.state == "running":
                self._control.interrupt()
            elif self.state == "waiting":
                self._control.interrupt()
                self._leave(self._receive_end("interrupted", "Interrupted before its turn came.", 130))
                if self._job is not None:
                    self._job.show()
            elif self.state == "paused":
                self._leave(self._receive_end("interrupted", "Ended while paused. It can still be resumed.", 130))
            else:
                raise self._wrong_state("interrupted")

    def pause(self) -> None:
        with self._change:
            self._need_running("paused")
            self._control.pause()

    def save_now(self) -> None:
        with self._change:
            self._need_running("saved")
            self._control.save_now()

    def preview_now(self) -> None:
        with self._change:
            self._need_running("previewed")
            self._control.preview_now()

    def summary(self) -> dict[str, Any]:
        """Summarise for a list of runs, fit for JSON."""
        with self._change:
            return {
                "id": self.id,
                "name": self.config.name,
                "state": self.state,
                "created": self.created,
                "last_event": self.log.last,
                "advice": self.advice.sentences(),
                **self.progress.to_mapping(),
            }

    def _need_running(self, what: str) -> None:
        if self.state != "running":
            raise self._wrong_state(what)

    def _wrong_state(self, what: str) -> ConflictError:
        return ConflictError(f"'{self.config.name}' cannot be {what} now: it is {self.state}.")

    def _work(self, control: Control) -> None:
        """Train as soon as the model is free."""
        resume, from_step = self._goes_on_with
        with self._gate:
            with self._change:
                if control is not self._control or self.state != "waiting":
                    return
                self.state = "running"
            self._outcome = self._train(
                self.config, self._host, control=control, emit=self._emit, resume=resume, from_step=from_step
            ).outcome

    def _ended(self, control: Control, error: UserError | None) -> None:
        """Tell of an end that the training did not tell of, give the name back, and let the next one come."""
        with self._change:
            if control is not self._control:
                return
            outcome = self._outcome
            if error is not None:
                outcome = self._receive_end("failed", error.message, error.exit_code)
            if outcome is None:
                return  # it was interrupted before its turn came
            self._leave(outcome)
        if self._watcher is not None:
            self._watcher.left(self)

    def _emit(self, event: Event) -> None:
        self._receive(event)
        if self._job is not None:
            self._job.show()
        if self._watcher is not None:
            self._watcher.told(self, event)

    def _receive(self, event: Event) -> None:
        if isinstance(event, Prepared):
            with suppress(UserError):  # it is another id then, once this process has ended
                note_id(Path(event.run_dir), self.id)
        with self._change:
            self.progress.update(event)
            self.advice.update(event)
            if isinstance(event, Prepared):
                self.folders.add(Path(event.run_dir))
            self.log.append(event)

    def _receive_end(self, outcome: Outcome, message: str, exit_code: int) -> Outcome:
        self._receive(self.progress.finished(outcome=outcome, message=message, exit_code=exit_code))
        return outcome

    def _leave(self, outcome: Outcome) -> None:
        self.state = outcome
        if outcome != "paused":
            self._name_lock.release()
