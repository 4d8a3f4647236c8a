"""The web UI's own account of jobs and pictures, kept from what happens inside a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modules import shared

from ..swapped import swapped

_WISHES = ("interrupted", "skipped", "paused", "need_restart")
"""Wishes of a person, which stay."""


@contextmanager
def progress_kept() -> Iterator[None]:
    """Inside, the web UI counts jobs and steps as it likes; leaving puts back all but the wishes of a person."""
    state = shared.state
    before = {name: value for name, value in vars(state).items() if name not in _WISHES}
    history = list(state.state_history)
    try:
        with swapped(state, results=list(state.results)):
            yield
    finally:
        for name in vars(state).keys() - before.keys() - set(_WISHES):
            delattr(state, name)
        vars(state).update(before)
        state.state_history[:] = history
