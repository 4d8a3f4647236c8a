"""Runs take turns: one works, the others wait in the queue, which goes on when a run has ended, however it ended."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.base.errors import UserError
from ..core.record.events import Event, Finished, Saved
from .errors import ConflictError, UnknownRunError
from .queue import RunQueue
from .queue_file import QueuedRun
from .run import Run
from .store import RunStore

Revive = Callable[[QueuedRun], Run]
"""A run of this process from what an ended process queued; raises InputError where its settings are refused."""

_log = logging.getLogger(__name__)


class Turns:
    """The queue does not go on by itself while a run is paused (a person wants the model), after the checkpoint was changed
    (a person has to look), and with runs that were queued before a restart. Whatever is started by hand begins at once
    where nothing works. Hears of the runs as their ``Watcher``.
    """

    def __init__(self, store: RunStore, queue: RunQueue) -> None:
        self._store, self._queue = store, queue
        self._lock = threading.RLock()
        self._held = ""
        self._closing = False

    def enter(self, run: Run, *, resume: Path | None, from_step: int | None, settle: float) -> None:
        """Launch the run where no other one works, else queue it. Raises what its first ``settle`` seconds bring."""
        with self._lock:
            before, busy = run.state, self._store.working() is not None
            self._refuse_twice(run)
            run.enter(resume=resume, from_step=from_step)
            try:
                if busy:
                    self._queue.add(_item(run, resume, from_step))
            except Exception:
                run.give_up(before)
                raise
            self._store.keep(run)
            if not busy:
                self._held = ""  # whoever starts a run by hand has looked
                run.launch()
        if not busy:
            run.settle(settle)

    def start(self, run_id: str, revive: Revive, *, settle: float) -> None:
        """Have a waiting run, or one that was queued before a restart, begin now, or as the next."""
        with self._lock:
            item = self._queue.get(run_id)
            if item is not None:
                self._take_over(item, revive)
            else:
                self.waiting(run_id)
            self._queue.move(run_id, 1)
            self._held = ""
            if self._store.working() is None:
                self._launch_next()
        run = self._store.get(run_id)
        if run is not None and not run.queued:
            run.settle(settle)

    def go_on(self, revive: Revive) -> None:
        """Start what was queued before a restart, one after the other."""
        with self._lock:
            for item in self._queue.held():
                with suppress(UserError):  # one that cannot be started any more keeps its place and its button
                    self._take_over(item, revive)
            self._launch_if_free()

    def move(self, run_id: str, place: int) -> None:
        """Have a waiting run come as number ``place``, from 1."""
        self.waiting(run_id)
        self._queue.move(run_id, place)

    def interrupt(self, run: Run) -> None:
        """End a run; one that waits leaves the queue, and the end of a paused one lets the queue go on."""
        with self._lock:
            if run.queued:
                self._queue.done(run.id)
            run.interrupt()
            self._launch_if_free()

    def replace(self, old: Run, new: Run, *, resume: Path, from_step: int, settle: float) -> None:
        """Let ``new`` go on in place of ``old``, before whatever else waits where ``old`` was paused."""
        with self._lock:
            if old.state == "paused":
                old.interrupt()
            self.enter(new, resume=resume, from_step=from_step, settle=0)
        if not new.queued:
            new.settle(settle)

    def waiting(self, run_id: str) -> Run:
        """The run, if it waits in the queue. Raises ConflictError or UnknownRunError."""
        run = self._store.get(run_id)
        if run is None:
            raise UnknownRunError("There is no such run in the queue.")
        if not run.queued:
            raise ConflictError(f"'{run.config.name}' is not waiting in the queue: it is {run.state}.")
        return run

    def place(self, run: Run) -> dict[str, Any]:
        """``place`` in the queue from 1, else None; ``note``: what a waiting run waits for."""
        if not run.queued:
            return {"place": None, "note": "Waits until the model is free." if run.state == "waiting" else ""}
        line, paused = self._queue.waiting(), self._store.paused()
        note = self._held
        if not note and paused is not None and self._store.working() is None:
            note = f"Waits while '{paused.config.name}' is paused."
        if not note and self._queue.is_anothers:
            note = "Is not kept over a restart, as another program keeps its queue in this log directory."
        return {"place": line.index(run.id) + 1 if run.id in line else None, "note": note}

    def close(self, seconds: float) -> None:
        """Interrupt what works and wait until it has saved; what waits stays in the queue for the next time."""
        with self._lock:
            self._closing = True
            active = [run for run in self._store.all() if run.active and not run.queued]
            for run in self._store.all():
                if run.queued:
                    run.give_up("new")
        for run in active:
            with suppress(ConflictError):  # it has just ended by itself
                run.interrupt()
        for run in active:
            run.join(seconds)
        self._queue.close()

    def told(self, run: Run, event: Event) -> None:
        """Once a run can be resumed from disk it need not be in the queue any more."""
        if isinstance(event, Finished) or (isinstance(event, Saved) and event.what == "state"):
            self._leave_queue(run)

    def left(self, run: Run) -> None:
        """The next one's turn, unless what ended this run concerns all."""
        self._leave_queue(run)
        with self._lock:
            if run.progress.cause == "checkpoint" and self._queue.waiting():
                self._held = f"Waits, because the checkpoint was changed while '{run.config.name}' was trained."
            self._launch_if_free()

    def _refuse_twice(self, run: Run) -> None:
        name = run.config.name
        if any(other.queued and other is not run and other.config.name == name for other in self._store.all()):
            raise ConflictError(
                f"'{name}' waits in the queue already. Start it there, or remove it first.", field="name"
            )

    def _leave_queue(self, run: Run) -> None:
        try:
            self._queue.done(run.id)
        except UserError as error:  # no more harm than that it is offered again after a restart
            _log.warning("The queue could not be written: %s", error)

    def _take_over(self, item: QueuedRun, revive: Revive) -> None:
        """A run that an ended process queued becomes this one's, the last in its line."""
        run = revive(item)
        run.enter(resume=Path(item.folder) if item.folder else None, from_step=item.from_step)
        self._store.keep(run)  # before it leaves the list of what was left, so that it is never nowhere
        try:
            self._queue.claim(item.id)
        except Exception:
            self._store.forget(run)
            run.give_up("new")
            raise

    def _launch_if_free(self) -> None:
        if not (self._closing or self._held or self._store.paused() or self._store.working()):
            self._launch_next()

    def _launch_next(self) -> None:
        for run_id in self._queue.waiting():
            run = self._store.get(run_id)
            if run is not None and run.queued:
                self._queue.begin(run_id)
                run.launch()
                return


def _item(run: Run, resume: Path | None, from_step: int | None) -> QueuedRun:
    return QueuedRun(
        id=run.id,
        settings=run.config.to_mapping(),
        folder=str(resume.resolve()) if resume is not None else "",
        from_step=from_step,
        step=run.progress.step if from_step is None else from_step,
        queued=time.time(),
    )
