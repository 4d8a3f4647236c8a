"""Work in a thread of its own; whoever starts it waits a moment, so that a refusal is an answer and not an event."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import ClassVar

from ..core.base.errors import UserError

_log = logging.getLogger(__name__)


class FaultError(UserError):
    """A fault of ours, in a sentence; the log has the rest."""

    exit_code: ClassVar[int] = 1


class BackgroundJob:
    """``work`` is done once, then ``ended`` is called with what went wrong, if anything; both in the job's thread."""

    def __init__(self, title: str, work: Callable[[], None], *, ended: Callable[[UserError | None], None]) -> None:
        self._title, self._work, self._ended = title, work, ended
        self._error: UserError | None = None
        self._shown = threading.Event()
        self._thread = threading.Thread(target=self._run, name=title, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def show(self) -> None:
        """Give a sign of life: from now on nothing is raised, whatever happens."""
        self._shown.set()

    def settle(self, seconds: float) -> None:
        """Wait for the first sign of life, or the end; raise what ended it before it had given one."""
        self._shown.wait(seconds)
        if self._error is not None:
            raise self._error

    def join(self, seconds: float) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        error: UserError | None = None
        try:
            self._work()
        except UserError as refused:
            error = refused
        except Exception as fault:
            _log.exception("%s failed", self._title)
            kind = type(fault).__name__
            error = FaultError(f"A fault in the program ({kind}: {fault}). Its log has the details.")
        if not self._shown.is_set():
            self._error = error
        self._ended(error)
        self._shown.set()
