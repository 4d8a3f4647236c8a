"""The listener between a run and those who watch it: it tells of each step, and writes the figures that pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..loss.batches import BatchPlan
from ..settings.rate import Schedule
from ..update.learner import Advance
from ..update.state import RunState
from .clock import RemainingTime, TrainingClock
from .events import Emit, Evaluated, Event, RolledBack, Stepped, Warned
from .figures import cells, scalars
from .loss_table import LossTable
from .scalars import Scalars


@dataclass(kw_only=True)
class Recorder:
    """Passes a run's events on to ``emit``, and writes their figures to the loss table and to TensorBoard.

    The row of a step that is measured waits for its measurement. All that is written raises ResourceError.
    """

    emit: Emit
    state: RunState
    learning_rate: Schedule
    batches: BatchPlan
    clock: TrainingClock
    table: LossTable
    curves: Scalars
    _time: RemainingTime = field(default_factory=RemainingTime, init=False)
    _row: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _table_held: bool = field(default=False, init=False)

    def stepped(self, advance: Advance, *, norms: Sequence[float]) -> None:
        """Tell of the step that the state has just reached; ``norms`` are the rows' lengths, relative to the table's mean."""
        step, end_step = self.state.step, self.clock.end_step
        self(
            Stepped(
                step=step,
                total_steps=end_step,
                epoch=self.batches.epoch_of(step - 1),
                epoch_step=self.batches.step_in_epoch(step - 1),
                loss=advance.loss,
                smooth_loss=self.state.smooth_loss or 0.0,
                learn_rate=self.learning_rate.rate_at(step - 1) * self.state.rate_scale,
                gradient_norm=advance.gradient_norm,
                vector_norm=sum(norms) / len(norms),
                seconds=self._time.tick(),
                eta_seconds=self._time.left(end_step - step),
                prompt=advance.prompt.text,
                negative_prompt=advance.prompt.negative,
            )
        )

    def __call__(self, event: Event) -> None:
        """Take an event in and pass it on."""
        if isinstance(event, RolledBack):
            self._go_back(event.to_step)
        self.emit(event)
        if isinstance(event, Stepped):
            self._row = cells(event)
            self.curves.add(event.step, scalars(event))
            if not self.clock.measures(event.step):
                self._finish_row()
        elif isinstance(event, Evaluated):
            self.curves.add(event.step, scalars(event))
            if self._row:
                self._row |= cells(event)
                self._write(self._row)
        else:
            self._finish_row()  # the step was to be measured, and could not be

    def close(self) -> None:
        """Write what TensorBoard still holds back."""
        self.curves.close()

    def _finish_row(self) -> None:
        """Write the row that waits, where one is due without a measurement."""
        if self._row and self.clock.tables(int(self._row["step"])):
            self._write(self._row)
        self._row = {}

    def _write(self, row: dict[str, str]) -> None:
        self._row = {}
        if not self.table.add(row) and not self._table_held:
            self._table_held = True
            self.emit(
                Warned(
                    message=f"{self.table.path} cannot be written just now. Is it open in another program? The rows are kept "
                    "and follow when it is closed."
                )
            )

    def _go_back(self, step: int) -> None:
        self._row = {}
        self.table.cut(step)
        self.curves.cut(step)
