"""Signals from a person to a run that is going on."""

from __future__ import annotations

import threading


class Control:
    """Wishes set by any thread and met by the loop at its next optimiser step. An interrupt, once seen, stays."""

    def __init__(self) -> None:
        self.interrupted = threading.Event()
        self.paused = threading.Event()
        self._save = threading.Event()
        self._preview = threading.Event()

    def interrupt(self) -> None:
        """Stop at the next step and keep everything."""
        self.interrupted.set()

    def pause(self) -> None:
        """Stop at the next step, write the resume state and give the model back; the run can go on later."""
        self.paused.set()

    def save_now(self) -> None:
        self._save.set()

    def preview_now(self) -> None:
        self._preview.set()

    @property
    def stop_wanted(self) -> bool:
        return self.interrupted.is_set() or self.paused.is_set()

    def take_save(self) -> bool:
        """True once for each wish to save."""
        return _take(self._save)

    def take_preview(self) -> bool:
        """True once for each wish for a preview."""
        return _take(self._preview)


def _take(wish: threading.Event) -> bool:
    if not wish.is_set():
        return False
    wish.clear()
    return True
