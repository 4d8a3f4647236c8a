"""The web UI's queue: one lock for everything that uses the model, and the job it shows meanwhile."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from modules import call_queue, progress, shared

from ...core.base.control import Control
from ...core.record.events import Emit, Event, Prepared, SheetAdvanced, Stepped
from ..swapped import swapped


class QueueGate:
    """The web UI's queue lock, held as ``with gate:``, with a job of its own as long as it is held.

    As ``wrap_gradio_gpu_call`` does for pictures. The lock serves those who wait in their order and is not re-entrant.
    """

    def __init__(self) -> None:
        self._task = ""

    def __enter__(self) -> None:
        task = f"task(textual-inversion-{secrets.token_hex(4)})"
        progress.add_task_to_queue(task)
        call_queue.queue_lock.acquire()
        self._task = task
        shared.state.begin(task)
        progress.start_task(task)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            progress.finish_task(self._task)
            shared.state.end()
            _unwish(shared.state)
        finally:
            call_queue.queue_lock.release()


def _unwish(state: Any) -> None:
    """No wish to stop is left for the next job; web UIs have two or three of them."""
    for name in ("skipped", "interrupted", "stopping_generation"):
        if hasattr(state, name):
            setattr(state, name, False)


@contextmanager
def shown_in_queue(emit: Emit, control: Control, *, show: Callable[[Event], None] | None = None) -> Iterator[Emit]:
    """Events also move the web UI's progress display, and its Interrupt reaches ``control``.

    Any request that ends resets the web UI's flags, so the wish is taken where it is made; code that sets the flag
    without a call is seen at the next event. ``show`` is what an event does to the display, where that is not A1111's.
    """
    state = shared.state

    def told(event: Event) -> None:
        (show or _show)(event)
        if state.interrupted or getattr(state, "stopping_generation", False):
            control.interrupt()
        emit(event)

    buttons = {name: getattr(state, name) for name in ("interrupt", "stop_generating") if hasattr(state, name)}
    with swapped(state, **{name: _also(does, control.interrupt) for name, does in buttons.items()}):
        yield told


def _also(first: Callable[[], Any], second: Callable[[], Any]) -> Callable[[], Any]:
    """Both, unless it is *Reload UI* that interrupts: that ends pictures, whose page goes away; a run outlives the page.

    Buttons hold the method of the class, so the reload itself cannot be replaced: it is known by who calls.
    """
    reload = getattr(getattr(type(shared.state), "request_restart", None), "__code__", None)

    def both() -> None:
        if sys._getframe(1).f_code is reload:
            return
        first()
        second()

    return both


def _show(event: Event) -> None:
    state = shared.state
    if isinstance(event, Prepared):
        state.job_count, state.job_no = event.total_steps, event.start_step
        state.textinfo = f"Training {event.name}"
    elif isinstance(event, SheetAdvanced):
        state.job_count, state.job_no = event.total, event.done
        state.textinfo = f"Comparing steps of {event.name}: picture {event.done + 1} of {event.total}"
    elif isinstance(event, Stepped):
        state.job_count, state.job_no = event.total_steps, event.step
        state.sampling_step = state.sampling_steps = 0
        state.textinfo = f"Training: step {event.step} of {event.total_steps}, loss {event.smooth_loss:.4f}"
