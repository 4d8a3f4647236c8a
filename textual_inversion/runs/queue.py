"""The runs that wait for their turn, in order; kept in a file, so that they are there after a restart."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from ..core.base.errors import ResourceError
from .errors import UnknownRunError
from .queue_file import QueuedRun, QueueFile

State = Literal["held", "waiting", "begun"]


class RunQueue:
    """Any thread may call any method; what changes the queue raises ResourceError where the file cannot be written.

    A run is *held* from the reading of the file until it is claimed, then it *waits*; once its turn has come it has *begun*, and
    is in the file until it is ``done``, as the process may die before the run can be resumed from its own folder. Of several
    programs with one file the first has it, and the queues of the others end with them.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._items: list[QueuedRun] = []
        self._states: dict[str, State] = {}
        self._goes_on = self._is_anothers = False
        self._file = QueueFile(path) if path is not None else None
        if path is not None and path.exists():
            with suppress(ResourceError):  # told when something is to be queued
                self._open()

    @property
    def is_anothers(self) -> bool:
        """True where another program has the file, so that what waits here ends with this one."""
        return self._is_anothers

    @property
    def goes_on(self) -> bool:
        """True where what is held after a restart begins by itself."""
        return self._goes_on

    @goes_on.setter
    def goes_on(self, wanted: bool) -> None:
        with self._changing():
            self._goes_on = wanted

    def waiting(self) -> list[str]:
        """The ids of the runs that wait, in the order of their turns."""
        return [item.id for item in self._of("waiting")]

    def held(self) -> list[QueuedRun]:
        """The runs that were queued before the restart and that nobody has claimed."""
        return self._of("held")

    def get(self, run_id: str) -> QueuedRun | None:
        """One of the ``held``."""
        return next((item for item in self.held() if item.id == run_id), None)

    def add(self, item: QueuedRun) -> None:
        """Let a run wait, as the last one."""
        with self._changing():
            self._items.append(item)
            self._states[item.id] = "waiting"

    def claim(self, run_id: str) -> None:
        """Let a held run wait, as the last one. Raises UnknownRunError where there is none."""
        with self._changing():
            self._items.append(self._taken_out(run_id, "held"))
            self._states[run_id] = "waiting"

    def move(self, run_id: str, place: int) -> None:
        """Have a waiting run come as number ``place``, from 1; as the last one where there are fewer. Raises UnknownRunError."""
        with self._changing():
            found = self._taken_out(run_id, "waiting")
            behind = self._of("waiting")[place - 1 :]
            self._items.insert(self._items.index(behind[0]) if behind else len(self._items), found)

    def begin(self, run_id: str) -> None:
        """Its turn has come."""
        with self._lock:
            if run_id in self._states:
                self._states[run_id] = "begun"

    def done(self, run_id: str) -> None:
        """It is in its own folder now, or over, or nobody wants it any more."""
        with self._lock:
            if run_id not in self._states:
                return
            with self._changing():
                self._items = [item for item in self._items if item.id != run_id]
                del self._states[run_id]

    def close(self) -> None:
        """Leave the file, as it is, to the next program."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def _of(self, state: State) -> list[QueuedRun]:
        with self._lock:
            return [item for item in self._items if self._states[item.id] == state]

    def _taken_out(self, run_id: str, state: State) -> QueuedRun:
        found = next((item for item in self._of(state) if item.id == run_id), None)
        if found is None:
            raise UnknownRunError("This run is no longer in the queue.")
        self._items.remove(found)
        return found

    @contextmanager
    def _changing(self) -> Generator[None]:
        """Write the file when the block has changed the queue; with an error, in the block or of the disk, it is as before."""
        with self._lock:
            self._open()
            before = list(self._items), dict(self._states), self._goes_on
            try:
                yield
                if self._file is not None and before != (self._items, self._states, self._goes_on):
                    self._file.write(self._items, goes_on=self._goes_on)
            except BaseException:
                self._items, self._states, self._goes_on = before
                raise

    def _open(self) -> None:
        """Read what lies in the file, once, before what is queued here; without it where another program has it."""
        if self._file is None or self._file.is_open:
            return
        if not self._file.open():
            self._file, self._is_anothers = None, True
            return
        left, goes_on = self._file.read()
        self._items = [*(item for item in left if item.id not in self._states), *self._items]
        self._states = {**{item.id: "held" for item in left}, **self._states}
        self._goes_on = self._goes_on or goes_on
