"""A run's events as a person in a terminal sees them: one bar, and a line for what matters."""

from __future__ import annotations

from functools import singledispatchmethod

from tqdm import tqdm

from ..core.record.events import Encoding, Event, Finished, Prepared, Previewed, RolledBack, Saved, Stepped, Warned
from .console import Console

_SECONDS_BETWEEN_LINES = 30.0
"""In a log file every update of the bar is a line of its own."""


class ProgressBar:
    """Shows events on standard error as they come, and gives each to ``Console.record`` as well."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: tqdm | None = None
        self.finished: Finished | None = None

    def __call__(self, event: Event) -> None:
        self._console.record(event.to_mapping())
        self._show(event)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @singledispatchmethod
    def _show(self, event: Event) -> None:
        """Events that a person in a terminal need not see."""

    @_show.register
    def _(self, event: Prepared) -> None:
        self._close()
        self._write(
            f"Training {event.name}: {_counted(event.vectors, 'vector')}, {_counted(event.pictures, 'picture')}, "
            f"{event.checkpoint} on {event.device}.\nCopies and previews: {event.run_dir}"
        )
        self._bar = self._new_bar(event.name, event.total_steps, unit="step", done=event.start_step)

    @_show.register
    def _(self, event: Encoding) -> None:
        if self._bar is None:
            self._bar = self._new_bar("Encoding pictures", event.total, unit="picture")
        self._bar.update(event.done - self._bar.n)
        if event.done >= event.total:
            self._close()

    @_show.register
    def _(self, event: Stepped) -> None:
        if self._bar is None:
            return
        self._bar.set_postfix_str(f"loss {event.smooth_loss:.4f}, rate {event.learn_rate:.3g}", refresh=False)
        self._bar.update(event.step - self._bar.n)

    @_show.register
    def _(self, event: Saved) -> None:
        if event.what == "copy":
            self._write(f"Step {event.step}: saved {event.path}")

    @_show.register
    def _(self, event: Previewed) -> None:
        self._write(f"Step {event.step}: preview {event.path}")

    @_show.register
    def _(self, event: Warned) -> None:
        self._write(f"Note: {event.message}")

    @_show.register
    def _(self, event: RolledBack) -> None:
        if self._bar is not None:  # a warning that comes with it has the words
            self._bar.update(event.to_step - self._bar.n)

    @_show.register
    def _(self, event: Finished) -> None:
        self._close()
        self.finished = event

    def _new_bar(self, title: str, total: int, *, unit: str, done: int = 0) -> tqdm:
        terminal = self._console.err.isatty()
        return tqdm(
            desc=title,
            total=total,
            initial=done,
            unit=unit,
            file=self._console.err,
            dynamic_ncols=terminal,
            mininterval=0.1 if terminal else _SECONDS_BETWEEN_LINES,
            miniters=1,
        )

    def _write(self, text: str) -> None:
        """A line of its own, the bar kept below it."""
        tqdm.write(text, file=self._console.err)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
