"""What is measured goes on over a pause, and over a step that was taken back, as if there had been none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from engine_world import World, make_world

from textual_inversion.core.record.events import Evaluated, Finished, RolledBack, Stepped
from textual_inversion.core.record.state_file import load_state, save_state


def _whole(folder: Path, create: Mapping[str, Any], **settings: Any) -> tuple[World, Finished]:
    world = make_world(folder / "whole")
    world.create(**create)
    return world, world.train(world.config(**settings))


def _paused_at(step: int, folder: Path, create: Mapping[str, Any], **settings: Any) -> tuple[World, Path]:
    world = make_world(folder / "paused")
    world.create(**create)
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == step else None
    paused = world.train(world.config(**settings))
    world.on_event = lambda _: None
    assert paused.outcome == "paused"
    return world, Path(paused.run_dir)


_FLAT = {"steps": 200, "evaluate_every": 5, "auto_stop": True, "learning_rate": "0.02:30, 1e-6"}


@pytest.mark.parametrize("pause", [7, 60])
def test_a_resumed_run_stops_by_itself_where_the_whole_one_does(tmp_path: Path, pause: int) -> None:
    settings = {**_FLAT, "timesteps": "stratified"}
    _, expected = _whole(tmp_path, {}, **settings)
    world, run = _paused_at(pause, tmp_path, {}, **settings)
    resumed = world.train(world.config(**settings), resume=run)
    assert (resumed.outcome, resumed.step) == ("stopped", expected.step)
    assert expected.step > pause


def test_a_state_from_before_the_first_step_was_kept_is_taken_by_its_first_measurement(tmp_path: Path) -> None:
    settings = {**_FLAT, "timesteps": "stratified"}
    _, expected = _whole(tmp_path, {}, **settings)
    world, run = _paused_at(60, tmp_path, {}, **settings)
    state = load_state(run / "resume.safetensors")
    del state.first_step
    save_state(state, run / "resume.safetensors")
    assert world.train(world.config(**settings), resume=run).step == expected.step


@pytest.mark.parametrize(
    ("create", "settings"),
    [
        ({"init": "noise"}, {}),
        ({"init_text": "red thing"}, {}),
        ({"init": "noise", "apt": True, "negative_vectors": 3}, {"apt": True}),
        ({"init_text": "red thing", "apt": True, "negative_vectors": 3}, {"apt": True, "guidance": "3"}),
    ],
    ids=["noise", "words", "pair of noise", "pair of words"],
)
def test_gain_and_drift_are_measured_against_the_same_over_a_pause(
    tmp_path: Path, create: dict[str, Any], settings: dict[str, Any]
) -> None:
    settings = {"steps": 12, "evaluate_every": 4, "csv_every": 1, **settings}
    whole, finished = _whole(tmp_path, create, **settings)
    world, run = _paused_at(6, tmp_path, create, **settings)
    resumed = world.train(world.config(**settings), resume=run)
    assert world.of(Evaluated) == whole.of(Evaluated)
    assert all(event.gain is not None and event.drift is not None for event in world.of(Evaluated))
    table = "textual_inversion_loss.csv"
    assert (Path(finished.run_dir) / table).read_text() == (Path(resumed.run_dir) / table).read_text()


def test_the_running_mean_goes_back_with_the_steps(world: World) -> None:
    world.create()
    world.host.leased.nan_at = {26}
    world.train(world.config(steps=30))
    (rollback,) = world.of(RolledBack)
    index = world.events.index(rollback)
    before = [event for event in world.events[:index] if isinstance(event, Stepped)]
    after = next(event for event in world.events[index:] if isinstance(event, Stepped))
    kept = next(event.smooth_loss for event in before if event.step == rollback.to_step)
    assert after.step == rollback.to_step + 1
    assert after.smooth_loss == pytest.approx(0.98 * kept + 0.02 * after.loss, rel=1e-12)


def test_curves_go_back_with_the_steps(world: World) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    world.create()
    world.host.leased.nan_at = {26}
    finished = world.train(world.config(steps=30, tensorboard=True))
    assert world.of(RolledBack)
    logged = accumulator.EventAccumulator(str(Path(finished.run_dir) / "tensorboard"))
    logged.Reload()
    assert [each.step for each in logged.Scalars("loss")] == list(range(1, 31))
