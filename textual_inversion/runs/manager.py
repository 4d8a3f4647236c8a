"""All training runs of this process, by id: what the tab, the HTTP routes and tests start and steer them through."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..core.base.errors import FileFormatError
from ..core.model.host import Host
from ..core.record.events import Saved
from ..core.record.run_folder import open_run_directory
from ..core.record.state_file import load_state
from ..core.settings.train_config import TrainConfig
from .catalogue import Catalogue
from .errors import ConflictError
from .history.stored_run import History
from .history.stored_runs import StoredRuns
from .locks.name_lock import NameLock
from .queue import RunQueue
from .queue_file import QueuedRun
from .run import Gate, Run, Train
from .store import RunStore
from .turns import Turns

if TYPE_CHECKING:
    from ..core.record.publish_step import UsedStep
    from .sheets import Sheets, Watch

SETTLE_SECONDS = 0.5
"""Seconds that ``start`` waits for the first sign of life, so that a refused setting is an answer and not an event."""

STOP_SECONDS = 60.0
"""Seconds that a run that is interrupted for something else may take to save."""

EVENTS_AT_ONCE = 500

QUEUE_FILE = "queue.json"
"""Its name, in the host's log directory."""


class Check(Protocol):
    """Raises InputError for settings that a run would refuse, without the model."""

    def __call__(self, config: TrainConfig, host: Host, *, resume: Path | None, from_step: int | None) -> object: ...


class RunManager:
    """One run at a time works at ``gate``: the host's lock, entered around everything that uses the model. The others wait in
    a queue, kept at ``queue_file`` (in memory only where there is none).

    ``log_dirs`` are searched for runs of earlier processes, beside the host's own and those of the runs started here;
    ``stored`` are all that are found.
    ``watch`` lets the host's own Interrupt reach what is made besides runs.
    ``defaults`` are this host's values for settings that nobody gives (size of the pictures, log directory).
    ``check`` refuses settings before they are queued; it is ``core.job.prepare`` unless ``train`` is another's.
    """

    def __init__(
        self,
        host: Host,
        gate: Gate,
        *,
        train: Train | None = None,
        check: Check | None = None,
        watch: Watch | None = None,
        log_dirs: Sequence[Path] = (),
        queue_file: Path | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.host = host
        self.defaults = dict(defaults or {})
        self._sheets: Sheets | None = None
        self._watch, self._first_sheet = watch, threading.Lock()
        self._gate = gate
        self._check = check_settings if train is None and check is None else check
        self._train = train or _default_train()
        queue = RunQueue(queue_file)
        self._store = RunStore()
        self._turns = Turns(self._store, queue)
        self.stored = StoredRuns(lambda: self.log_dirs)
        self._catalogue = Catalogue(self._store, queue, self._turns, self.stored)
        self._queue, self._given = queue, list(log_dirs)

    def config(self, values: Mapping[str, Any]) -> TrainConfig:
        """A run's settings from those given, by name; the others are this host's. Raises InputError naming the field."""
        return TrainConfig.from_mapping({**self.defaults, **values})

    def start(self, config: TrainConfig, *, settle: float = SETTLE_SECONDS) -> str:
        """Begin a run, or queue it while another one works, and return its id.

        Raises InputError for refused settings, ConflictError where the name is taken.
        """
        self._refuse_bad(config)
        run = self._new(secrets.token_hex(6), config)
        try:
            self._turns.enter(run, resume=None, from_step=None, settle=settle)
        except Exception:
            self._store.forget(run)
            raise
        return run.id

    def resume(
        self, run_id: str, *, steps: int | None = None, from_step: int | None = None, settle: float = SETTLE_SECONDS
    ) -> str:
        """Go on with a run that was paused, ended, or left on disk; ``steps`` is a new total.

        ``from_step`` continues from a kept copy: with a folder and an id of its own, unless the run stands at that very
        step. Returns the id of the run that goes on. Raises as ``start``.
        """
        run = self._store.get(run_id) or self._revived(run_id)
        folder = run.progress.folder
        if folder is None:
            raise ConflictError(f"'{run.config.name}' ended before anything was saved. Start it again instead.")
        if run.active:
            raise ConflictError(f"'{run.config.name}' is {run.state} already.")
        config = run.config if steps is None else run.config.replace(steps=steps)
        self._refuse_bad(config, resume=folder, from_step=from_step)
        if from_step is not None and from_step != _step_of(folder):
            new = self._continued(config, folder, from_step)
            self._turns.replace(run, new, resume=folder, from_step=from_step, settle=settle)
            return new.id
        run.config = config
        self._turns.enter(run, resume=folder, from_step=from_step, settle=settle)
        return run.id

    def start_queued(self, run_id: str, *, settle: float = SETTLE_SECONDS) -> str:
        """Start a run that waits, or that was queued before a restart; while another one works it becomes the next."""
        self._turns.start(run_id, self._dequeued, settle=settle)
        return run_id

    def begin(self) -> None:
        """Once, when the server has started: goes on with what was queued before, if a person has asked for that."""
        if self._queue.goes_on:
            threading.Thread(target=self._turns.go_on, args=(self._dequeued,), name="queue", daemon=True).start()

    @property
    def queue_goes_on(self) -> bool:
        """Tell whether what is still queued when the program ends begins by itself the next time."""
        return self._queue.goes_on

    @queue_goes_on.setter
    def queue_goes_on(self, wanted: bool) -> None:
        self._queue.goes_on = wanted

    def move(self, run_id: str, place: int) -> None:
        """Have a waiting run come as number ``place``, from 1."""
        self._turns.move(run_id, place)

    def interrupt(self, run_id: str) -> None:
        """Stop at the next step and keep everything; a run that waits leaves the queue."""
        if self._store.get(run_id) is None and self._queue.get(run_id) is not None:
            self._queue.done(run_id)
        else:
            self._turns.interrupt(self.run(run_id))

    def use_step(self, run_id: str, step: int, *, stop: bool = False) -> UsedStep:
        """Make a kept step the finished embedding. ``stop`` first interrupts a run that goes on: its end would replace it.

        Raises ConflictError where it goes on, InputError where that step was not kept.
        """
        from ..core.record.publish_step import use_step

        folder, run = self.folder(run_id), self._store.get(run_id)
        if folder is None:
            raise ConflictError(f"'{self.settings(run_id).name}' has not saved anything yet.")
        if run is not None and run.active:
            open_run_directory(folder)[0].kept_step(step, field="step")  # before the run is stopped for it
            self._stop_for_use(run, stop=stop)
        holds_name = run is not None and run.state == "paused"
        lock = NameLock(self.host.embeddings_dir, self.settings(run_id).name)
        with nullcontext() if holds_name else lock:
            used = use_step(folder, step, self.host)
        if run is not None:
            run.tell(Saved(step=step, what="final", path=str(used.path)))
        return used

    def pause(self, run_id: str) -> None:
        """Stop at the next step, save the state and leave the model to others until ``resume``."""
        self.run(run_id).pause()

    def save_now(self, run_id: str) -> None:
        self.run(run_id).save_now()

    def preview_now(self, run_id: str) -> None:
        self.run(run_id).preview_now()

    def run(self, run_id: str) -> Run:
        """A run of this process. Raises UnknownRunError, or ConflictError for one that is only on disk or in a queue."""
        return self._catalogue.run(run_id)

    def runs(self) -> list[dict[str, Any]]:
        """Summaries: runs of this process, newest first; those that other processes queued; then those found on disk."""
        return self._catalogue.runs()

    def settings(self, run_id: str) -> TrainConfig:
        """Of a run, wherever it is."""
        return self._catalogue.settings(run_id)

    def folder(self, run_id: str) -> Path | None:
        """Find the folder of a run, as far as it is anywhere on disk."""
        return self._catalogue.folder(run_id)

    def describe(self, run_id: str) -> dict[str, Any]:
        """Summary and settings of a run, wherever it is."""
        return {**self._catalogue.summary(run_id), "config": self.settings(run_id).to_mapping()}

    def events(self, run_id: str, after: int = 0, *, limit: int = EVENTS_AT_ONCE) -> dict[str, Any]:
        """Events numbered above ``after``, oldest first; ``more`` tells that the limit cut them."""
        return self._catalogue.events(run_id, after, limit=limit)

    def picture(self, run_id: str, number: int) -> Path:
        """The file that event ``number`` of a run told of, if it lies in that run's folder. Raises UnknownRunError."""
        return self._catalogue.picture(run_id, number)

    @contextmanager
    def borrow(self) -> Generator[None]:
        """The model for something short, a picture or a new embedding. Raises ConflictError while a run holds it.

        A run that was told to pause or stop is waited for.
        """
        holder = self._store.working()
        if holder is not None and not holder.leaving:
            raise ConflictError(
                f"'{holder.config.name}' is being trained and has the model. Pause it first; it can be resumed afterwards."
            )
        with self._gate:
            yield

    @property
    def sheets(self) -> Sheets:
        """The sheets that compare saved steps; made, and imported, when they are first asked for."""
        from .sheets import Sheets

        with self._first_sheet:
            if self._sheets is None:
                self._sheets = Sheets(self.host, borrow=self.borrow, watch=self._watch)
            return self._sheets

    @property
    def log_dirs(self) -> list[Path]:
        """The places where runs are looked for: the given directories first, then the host's own and those of runs started here."""
        own = Path(str(self.defaults.get("log_dir") or TrainConfig().log_dir))
        others = sorted({Path(run.config.log_dir) for run in self._store.all()})
        return list(dict.fromkeys([*self._given, own, *others]))

    def close(self, seconds: float = 30.0) -> None:
        """Interrupt all runs and wait until they have saved; the queue stays for the next time."""
        if self._sheets is not None:
            self._sheets.close()
        self._turns.close(seconds)

    def _refuse_bad(self, config: TrainConfig, *, resume: Path | None = None, from_step: int | None = None) -> None:
        if self._check is not None:
            self._check(config, self.host, resume=resume, from_step=from_step)

    def _stop_for_use(self, run: Run, *, stop: bool) -> None:
        if not stop:
            raise ConflictError(
                f"'{run.config.name}' is {run.state}, and its end would replace the step you choose. Interrupt it first; it "
                "can be resumed afterwards.",
                field="stop",
            )
        self._turns.interrupt(run)
        run.join(STOP_SECONDS)
        if run.active:
            raise ConflictError(f"'{run.config.name}' is still finishing its step. Try again in a moment.")

    def _revived(self, run_id: str) -> Run:
        """A run on disk as one of this process."""
        stored = self.stored.get(run_id)
        if stored is None or self._queue.get(run_id) is not None:
            return self.run(run_id)  # says what is wrong
        run = self._new(run_id, stored.config)
        run.take_over(stored.history())
        return run

    def _dequeued(self, item: QueuedRun) -> Run:
        """Build the run that an ended process queued. Raises InputError where it would be refused."""
        config = TrainConfig.from_mapping(item.settings)
        folder = Path(item.folder) if item.folder else None
        self._refuse_bad(config, resume=folder, from_step=item.from_step)
        if folder is not None and item.from_step is not None and item.from_step != _step_of(folder):
            return self._continued(config, folder, item.from_step, run_id=item.id)
        run = self._new(item.id, config)
        stored = self.stored.at(folder) if folder is not None else None
        if stored is not None:
            run.take_over(stored.history())
        return run

    def _continued(self, config: TrainConfig, folder: Path, step: int, *, run_id: str = "") -> Run:
        """A run of its own that begins with the copy of ``step``, and with what was told until then."""
        run = self._new(run_id or secrets.token_hex(6), config)
        stored = self.stored.at(folder.resolve())
        run.take_over(stored.history(up_to=step) if stored is not None else History())
        run.progress.run_dir = ""  # it gets a folder of its own
        return run

    def _new(self, run_id: str, config: TrainConfig) -> Run:
        return Run(
            run_id=run_id, config=config, host=self.host, gate=self._gate, train=self._train, watcher=self._turns
        )


def check_settings(config: TrainConfig, host: Host, *, resume: Path | None, from_step: int | None) -> None:
    """``core.job.prepare``, imported with the first run: a web UI that starts need not read all of the formats."""
    from ..core.run.checks import prepare

    prepare(config, host, resume=resume, from_step=from_step)


def _step_of(folder: Path) -> int | None:
    """Read the step of the run in ``folder``; None where its state cannot be read."""
    run, _ = open_run_directory(folder)
    try:
        return load_state(run.state).step
    except FileFormatError:
        return None


def _default_train() -> Train:
    from ..core.run.train import train

    return train
