"""The web UI's queue, its Interrupt and its Reload UI, while a run holds the model."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from textual_inversion.core.base.control import Control

pytestmark = pytest.mark.host


def test_an_interrupt_is_latched(webui: Any) -> None:
    from modules import shared

    control, seen = Control(), []
    with webui.watch(seen.append, control):
        shared.state.interrupt()
        shared.state.interrupted = False  # as any request that ends does
        assert control.interrupted.is_set()
    assert "interrupt" not in vars(shared.state)
    shared.state.interrupt()
    assert shared.state.interrupted
    shared.state.interrupted = False


def test_a_reload_of_the_page_does_not_end_a_run(webui: Any) -> None:
    from modules import shared

    control = Control()
    button = shared.state.request_restart  # taken when the page was built
    with webui.watch(lambda _: None, control):
        button()
        assert not control.interrupted.is_set()
        assert not shared.state.interrupted
    assert shared.state.wait_for_server_command(timeout=0) == "restart"


def test_the_gate_is_the_web_uis_queue_and_shows_a_job(webui: Any) -> None:
    from modules import call_queue, progress, shared

    order: list[str] = []
    with webui.gate:
        assert not call_queue.queue_lock.acquire(blocking=False)
        assert progress.current_task == shared.state.job
        assert shared.state.job.startswith("task(textual-inversion-")
        other = threading.Thread(target=lambda: _through(call_queue.queue_lock, order))
        other.start()
        order.append("ours")
    other.join(5)
    assert order == ["ours", "theirs"]
    assert (shared.state.job, progress.current_task) == ("", None)
    assert not [task for task in progress.pending_tasks if "textual" in task]


def _through(lock: Any, order: list[str]) -> None:
    with lock:
        order.append("theirs")
