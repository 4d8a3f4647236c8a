"""The recorder as a listener: the row of a step, with its measurement where there is one, and nothing of steps taken back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from textual_inversion.core.loss.batches import BatchPlan
from textual_inversion.core.loss.prompts import TrainingPrompt
from textual_inversion.core.record.clock import TrainingClock
from textual_inversion.core.record.events import Evaluated, Event, RolledBack, Stepped, Warned
from textual_inversion.core.record.loss_table import LossTable
from textual_inversion.core.record.recorder import Recorder
from textual_inversion.core.record.scalars import Scalars
from textual_inversion.core.settings.rate_text import parse_schedule
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.core.update.learner import Advance
from textual_inversion.core.update.state import RunState


class _Bench:
    """A recorder of a run of 10 steps, and what it told and wrote."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        config = TrainConfig.from_mapping({"csv_every": 2, "evaluate_every": 3, **settings})
        self.path = folder / "loss.csv"
        self.told: list[Event] = []
        self.state = RunState(step=0, vectors={}, optimizer_tensors={}, optimizer_numbers={}, smooth_loss=0.5)
        self.recorder = Recorder(
            emit=self.told.append,
            state=self.state,
            learning_rate=parse_schedule("0.1", total_steps=10),
            batches=BatchPlan(groups=["a"] * 3, batch_size=1),
            clock=TrainingClock(config=config, end_step=10),
            table=LossTable(self.path),
            curves=Scalars(None),
        )

    def step(self, step: int) -> None:
        self.state.step = step
        advance = Advance(loss=0.25, gradient_norm=1.0, prompt=TrainingPrompt(text="a thing"))
        self.recorder.stepped(advance, norms=[1.0, 3.0])

    def measure(self, step: int) -> None:
        self.recorder(Evaluated(step=step, loss=0.125, best=True))

    @property
    def rows(self) -> list[tuple[str, str]]:
        table = csv.DictReader(self.path.read_text().splitlines())
        return [(row["step"], row["fixed_batch_loss"]) for row in table]


@pytest.fixture
def bench(tmp_path: Path) -> _Bench:
    return _Bench(tmp_path)


def test_events_are_passed_on_in_their_order(bench: _Bench) -> None:
    bench.step(3)
    bench.measure(3)
    bench.recorder(Warned(message="x"))
    assert [event.kind for event in bench.told] == ["step", "evaluated", "warning"]


def test_a_step_is_told_with_its_place_and_its_figures(bench: _Bench) -> None:
    bench.state.rate_scale = 0.5
    bench.step(5)
    (told,) = bench.told
    assert isinstance(told, Stepped)
    assert (told.step, told.total_steps, told.epoch, told.epoch_step) == (5, 10, 1, 1)
    assert (told.loss, told.smooth_loss, told.vector_norm) == (0.25, 0.5, 2.0)
    assert told.learn_rate == pytest.approx(0.05)


def test_rows_come_every_some_steps_and_at_the_end(bench: _Bench) -> None:
    for step in range(1, 11):
        bench.step(step)
        if step in (3, 6, 9, 10):
            bench.measure(step)
    assert bench.rows == [
        *(("2", ""), ("3", "0.1250000"), ("4", ""), ("6", "0.1250000"), ("8", ""), ("9", "0.1250000")),
        ("10", "0.1250000"),
    ]


def test_a_row_is_written_before_anything_else_happens(bench: _Bench) -> None:
    bench.step(2)
    assert bench.rows == [("2", "")]
    bench.step(3)
    assert bench.rows == [("2", "")], "it waits for its measurement"
    bench.measure(3)
    assert bench.rows[-1] == ("3", "0.1250000")


@pytest.mark.parametrize(("step", "rows"), [(3, []), (6, [("6", "")])])
def test_a_step_that_could_not_be_measured_has_the_row_it_would_have_had(
    bench: _Bench, step: int, rows: list[tuple[str, str]]
) -> None:
    bench.step(step)
    bench.recorder(Warned(message="the loss is nan"))
    assert bench.rows == rows
    bench.recorder(Warned(message="something else"))
    assert bench.rows == rows


def test_a_measurement_before_the_first_step_has_no_row(bench: _Bench) -> None:
    bench.measure(0)
    assert bench.rows == []


def test_steps_taken_back_leave_no_row(bench: _Bench) -> None:
    for step in (2, 4):
        bench.step(step)
    bench.step(6)
    bench.recorder(RolledBack(step=7, to_step=3, rate_scale=0.1, reason="x"))
    assert bench.rows == [("2", "")]
    bench.recorder(Warned(message="x"))
    assert bench.rows == [("2", "")]
