"""Ctrl-C in a terminal: once stops a run and keeps everything, twice ends at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..core.control import Control
from .console import Console


@contextmanager
def steered_by_signals(control: Control, console: Console) -> Iterator[None]:
    """Inside, the first Ctrl-C (or SIGTERM) interrupts the run at its next step; the second raises KeyboardInterrupt."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if control.interrupted.is_set():
            raise KeyboardInterrupt
        control.interrupt()
        console.note("\nStopping after this step and saving. Press Ctrl-C again to end at once.")

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
