"""Summary of a run from its events: what lists and headings show without reading the events again."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from ...core.record.events import Evaluated, Event, Finished, Outcome, Prepared, RolledBack, Saved, Stepped


@dataclass
class Progress:
    """The newest figures of a run. Losses are None until the first is known; ``used_step`` is the one that prompts use."""

    step: int = 0
    total_steps: int = 0
    run_dir: str = ""
    checkpoint: str = ""
    smooth_loss: float | None = None
    fixed_loss: float | None = None
    best_step: int | None = None
    eta_seconds: float | None = None
    outcome: str = ""
    message: str = ""
    cause: str = ""
    embedding: str = ""
    used_step: int | None = None

    def to_mapping(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @property
    def folder(self) -> Path | None:
        return Path(self.run_dir) if self.run_dir else None

    def finished(self, *, outcome: Outcome, message: str, exit_code: int) -> Finished:
        """The end of a run that could not tell of it by itself."""
        return Finished(
            outcome=outcome,
            message=message,
            step=self.step,
            best_step=self.best_step,
            embedding=self.embedding,
            run_dir=self.run_dir,
            files=(),
            exit_code=exit_code,
        )

    @singledispatchmethod
    def update(self, event: Event) -> None:
        """Take in one event; most change nothing here."""

    @update.register
    def _(self, event: Prepared) -> None:
        self.run_dir, self.checkpoint = event.run_dir, event.checkpoint
        self.step, self.total_steps = event.start_step, event.total_steps
        self.outcome = self.message = self.cause = ""

    @update.register
    def _(self, event: Stepped) -> None:
        self.step, self.total_steps = event.step, event.total_steps
        self.smooth_loss, self.eta_seconds = event.smooth_loss, event.eta_seconds

    @update.register
    def _(self, event: Evaluated) -> None:
        self.fixed_loss = event.loss
        if event.best:
            self.best_step = event.step

    @update.register
    def _(self, event: Saved) -> None:
        if event.what == "final":
            self.embedding, self.used_step = event.path, event.step

    @update.register
    def _(self, event: RolledBack) -> None:
        self.step = event.to_step
        if self.best_step is not None and self.best_step > event.to_step:
            self.best_step = None

    @update.register
    def _(self, event: Finished) -> None:
        self.outcome, self.message, self.cause = event.outcome, event.message, event.cause
        self.step, self.best_step = event.step, event.best_step
        self.embedding = event.embedding or self.embedding
        self.run_dir = event.run_dir or self.run_dir
        self.eta_seconds = None
