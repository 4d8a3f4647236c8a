"""The settled rule, the fixed-batch loss, the rows of the loss table, TensorBoard logs."""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path

import pytest
import torch
from engine_world import World
from held_file import held

from textual_inversion.core.base.control import Control
from textual_inversion.core.base.errors import InputError
from textual_inversion.core.record.events import Evaluated, RolledBack, Stepped, Warned
from textual_inversion.core.record.scalars import Scalars
from textual_inversion.core.run.assembly import assemble
from textual_inversion.core.run.checks import prepare
from textual_inversion.core.run.loop import Trainer
from textual_inversion.core.run.stopping import has_settled, never_settles, settling_window

FALLING = [0.5 + 0.5 / (1 + step) ** 2 for step in range(20)]


def test_a_falling_loss_has_settled_once_its_end_is_flat() -> None:
    assert has_settled(FALLING, window=5)
    assert not has_settled(FALLING[:9], window=5), "too short a history"
    assert not has_settled([float(step) for step in range(20)], window=10)
    assert not has_settled([1.0, 0.0] * 10, window=5)


def test_the_share_decides_and_degenerate_histories_never_settle() -> None:
    history = [14.0, 6.0] * 5 + [11.0, 9.0] * 5
    ratio = float(torch.tensor(history[-10:]).var() / torch.tensor(history).var())
    assert has_settled(history, window=10, share=ratio * 1.01)
    assert not has_settled(history, window=10, share=ratio * 0.99)
    assert not has_settled([1.0] * 20, window=5), "no variance at all"
    assert not has_settled([1.0] * 20, window=1)
    assert not has_settled([], window=5)


def _trainer(world: World, **settings: object) -> Trainer:
    world.create()
    job = prepare(world.config(evaluate_every=5, **settings), world.host, resume=None, from_step=None)
    return assemble(job, world.host.leased, control=Control(), emit=world.events.append)  # type: ignore[arg-type]


def test_the_fixed_batch_is_the_same_each_time_and_spread_over_all_levels(world: World) -> None:
    trainer = _trainer(world, evaluate_samples=4, shuffle_tags=True, tag_dropout=0.5, latent_sampling="random")
    levels = []
    original = world.host.leased.predict

    def predict(noisy: torch.Tensor, timesteps: torch.Tensor, conditioning: object) -> torch.Tensor:
        levels.extend(timesteps.tolist())
        return original(noisy, timesteps, conditioning)  # type: ignore[arg-type]

    world.host.leased.predict = predict  # type: ignore[method-assign]
    assert trainer.evaluation is not None
    vectors = trainer.learner.shown
    first = trainer.evaluation.fixed_batch.loss(vectors)
    torch.manual_seed(9)
    assert trainer.evaluation.fixed_batch.loss(vectors) == first
    assert levels == [125, 375, 624, 874] * 2
    moved = {key: rows + 1 for key, rows in vectors.items()}
    assert trainer.evaluation.fixed_batch.loss(moved) != first
    assert not any(rows.grad is not None for rows in trainer.learner.vectors.values())


def test_the_fixed_batch_keeps_to_the_range_of_timesteps(world: World) -> None:
    trainer = _trainer(world, min_timestep=300, max_timestep=300, evaluate_samples=3)
    assert trainer.evaluation is not None
    assert (trainer.gradients.timesteps.low, trainer.gradients.timesteps.high) == (300, 300)
    assert math.isfinite(trainer.evaluation.fixed_batch.loss(trainer.learner.shown))


def test_a_fixed_batch_loss_that_is_no_number_is_told_and_left_out(world: World) -> None:
    world.create()
    world.host.leased.nan_at = {1}
    finished = world.train(world.config(steps=10, evaluate_every=5, evaluate_samples=1, keep_best=True))
    assert finished.outcome == "done"
    assert [event.step for event in world.of(Evaluated)] == [5, 10]
    assert "The fixed-batch loss at step 0 is nan, so it was left out." in [event.message for event in world.of(Warned)]
    assert finished.best_step in (5, 10)


def _steps(path: Path) -> list[str]:
    return [row["step"] for row in csv.DictReader(path.read_text().splitlines())]


def test_going_back_leaves_one_row_a_step(world: World) -> None:
    world.create()
    world.host.leased.nan_at = {26}
    finished = world.train(world.config(steps=30, csv_every=1))
    assert world.of(RolledBack)
    table = Path(finished.run_dir) / "textual_inversion_loss.csv"
    assert _steps(table) == [str(step) for step in range(1, 31)]
    rates = [float(row["learn_rate"]) for row in csv.DictReader(table.read_text().splitlines())]
    assert rates == pytest.approx([0.01] * 10 + [0.001] * 20)


def test_a_run_goes_on_while_its_table_is_open_elsewhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create()

    def hold(event: object) -> None:
        if isinstance(event, Stepped) and event.step == 2:
            run = next((world.folder / "log").glob("*/thing"))
            held(run / "textual_inversion_loss.csv", monkeypatch, PermissionError(13, "Permission denied"))
        if isinstance(event, Stepped) and event.step == 5:
            monkeypatch.undo()

    world.on_event = hold
    finished = world.train(world.config(steps=6, csv_every=1))
    assert finished.outcome == "done"
    told = [event.message for event in world.of(Warned) if "cannot be written just now" in event.message]
    assert len(told) == 1
    assert _steps(Path(finished.run_dir) / "textual_inversion_loss.csv") == ["1", "2", "3", "4", "5", "6"]


def test_tensorboard_that_is_not_there_is_told_before_anything_happens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create()
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="not installed here. Install it with: pip install tensorboard") as caught:
        world.train(world.config(tensorboard=True))
    assert caught.value.field == "tensorboard"
    assert not (world.folder / "log").exists()


def test_switched_off_scalars_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    scalars = Scalars(None)
    scalars.add(1, {"loss": 0.5})
    scalars.close()


def test_tensorboard_gets_every_step(world: World) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    world.create()
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == 3 else None
    paused = world.train(world.config(steps=5, tensorboard=True, evaluate_every=5))
    world.on_event = lambda _: None
    finished = world.train(world.config(steps=5, tensorboard=True, evaluate_every=5), resume=Path(paused.run_dir))
    logged = accumulator.EventAccumulator(str(Path(finished.run_dir) / "tensorboard"))
    logged.Reload()
    assert [each.step for each in logged.Scalars("loss")] == [1, 2, 3, 4, 5]
    assert [each.step for each in logged.Scalars("fixed_batch_loss")] == [0, 5]
    stepped = {event.step: event.loss for event in world.of(Stepped)}
    assert [each.value for each in logged.Scalars("loss")] == pytest.approx([stepped[step] for step in range(1, 6)])


@pytest.mark.parametrize(
    ("steps", "every", "window"), [(5000, 50, 6), (100000, 5, 62), (300, 10, 8), (300, 50, 4), (10, 1, 4)]
)
def test_the_window_is_dvar_s_or_a_quarter_of_a_short_run(steps: int, every: int, window: int) -> None:
    assert settling_window(steps=steps, every=every) == window


def test_a_run_too_short_to_stop_by_itself_is_told(world: World) -> None:
    assert never_settles(steps=3000, every=50) is None
    sentence = never_settles(steps=300, every=50)
    assert sentence is not None
    assert "6 times in 300 steps, and 7 are needed" in sentence
    assert never_settles(steps=300, every=300 // 25) is None, "what the sentence advises helps"
    world.create()
    world.train(world.config(steps=20, evaluate_every=10, auto_stop=True))
    assert any("cannot stop by itself" in event.message for event in world.of(Warned))


def test_a_short_run_can_stop_by_itself(world: World) -> None:
    world.create()
    finished = world.train(
        world.config(steps=200, evaluate_every=5, auto_stop=True, learning_rate="0.02:30, 1e-6", timesteps="stratified")
    )
    assert finished.outcome == "stopped"
    assert finished.step < 140


def test_a_loss_that_falls_slowly_after_a_fast_beginning_has_not_settled() -> None:
    slow = [1.0, 0.3] + [0.2 * 0.98**step for step in range(18)]
    assert not has_settled(slow, window=5)
    assert has_settled([1.0, 0.3] + [0.2 * 0.999**step for step in range(18)], window=5)
