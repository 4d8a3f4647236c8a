"""Signals that end a program: what goes on is saved first. A second Ctrl-C ends at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from ..core.base.control import Control
from .console import Console

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Ctrl-C; `kill`, `docker stop`; a terminal or connection that was closed; Ctrl-Break. No system has all of them."""

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def steered_by_signals(control: Control, console: Console) -> Iterator[None]:
    """Inside, the first signal interrupts the run at its next step; a Ctrl-C after it raises KeyboardInterrupt.

    Only Ctrl-C: a closed terminal sends SIGHUP twice, from the system and from the shell.
    """

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if not control.interrupted.is_set():
            control.interrupt()
            with suppress(
                RuntimeError
            ):  # the signal came in the middle of another line; it may not be written within that
                console.note("\nStopping after this step and saving. Press Ctrl-C again to end at once.")
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    with _handled(_NAMES, on_signal):
        yield


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Inside, other signals raise KeyboardInterrupt as Ctrl-C does, once: what is being saved then is not disturbed."""
    ending = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        if not ending:
            ending = True
            raise KeyboardInterrupt

    with _handled(_NAMES[1:], on_signal):
        yield


@contextmanager
def _handled(names: tuple[str, ...], handler: Handler) -> Iterator[None]:
    """A signal that is ignored already stays so: `nohup` wants that."""
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    mine = [number for number in numbers if before[number] not in (signal.SIG_IGN, None)]
    for number in mine:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])
