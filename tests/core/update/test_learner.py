"""What moves the vectors: loss scale, clipping, optimisers, and their state."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from engine_world import make_world

from textual_inversion.core.formats import read_embedding
from textual_inversion.core.loss.gradients import StepResult
from textual_inversion.core.record.events import RolledBack, Stepped
from textual_inversion.core.record.state_file import load_state
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.core.update.learner import Learner
from textual_inversion.core.update.loss_scaling import LossScaler
from textual_inversion.core.update.optimizers import (
    ParameterGroup,
    clip_gradients,
    gradient_norm,
    make_optimizer,
    optimizer_state,
    restore_optimizer,
    set_rate,
)
from textual_inversion.core.update.snapshots import LARGEST_NORM, Snapshots, snapshot_of, trouble


def _parameter(gradient: list[float]) -> torch.nn.Parameter:
    parameter = torch.nn.Parameter(torch.zeros(1, len(gradient)))
    parameter.grad = torch.tensor([gradient])
    return parameter


def test_gradients_are_divided_and_the_scale_grows_after_a_while() -> None:
    scaler = LossScaler(enabled=True, scale=8.0, growth_interval=2)
    for expected in (8.0, 16.0, 16.0, 32.0):
        parameter = _parameter([8.0])
        before = scaler.scale
        assert scaler.unscale([parameter])
        assert parameter.grad is not None
        assert parameter.grad.item() == 8.0 / before
        assert scaler.scale == expected


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_an_overflow_halves_the_scale(bad: float) -> None:
    scaler = LossScaler(enabled=True, scale=2.0)
    scaler.good_steps = 5
    assert not scaler.unscale([_parameter([1.0]), _parameter([1.0, bad])])
    assert (scaler.scale, scaler.good_steps, scaler.exhausted) == (1.0, 0, False)
    assert not scaler.unscale([_parameter([bad])])
    assert scaler.exhausted


def test_without_scaling_nothing_is_touched() -> None:
    scaler = LossScaler(enabled=False)
    parameter = _parameter([math.inf])
    assert scaler.scale == 1.0
    assert scaler.unscale([parameter])
    assert scaler.scale == 1.0


class _Gradients:
    """Stands for a GradientStep: the gradient is 3 and 4 times the scale (``curved``: another wherever the vectors are);
    some attempts overflow."""

    def __init__(self, *, overflows: int = 0, loss: float = 1.0, curved: bool = False) -> None:
        self.overflows, self.loss, self.curved = overflows, loss, curved
        self.scales: list[float] = []

    def run(
        self, vectors: dict[str, torch.nn.Parameter], step: int, *, scale: float, stop_wanted: object
    ) -> StepResult:
        self.scales.append(scale)
        gradient = (torch.sin(vectors["clip_l"].detach() * 9) if self.curved else torch.tensor([[3.0, 4.0]])) * scale
        vectors["clip_l"].grad = gradient * (math.inf if len(self.scales) <= self.overflows else 1.0)
        return StepResult(loss=self.loss, prompt="a thing")


def _learner(**settings: object) -> Learner:
    config = TrainConfig.from_mapping({"clip_gradient": "disabled", **settings})
    rows = {"clip_l": torch.ones(1, 2)}
    return Learner(config, rows, device=torch.device("cpu"), table_norms={"clip_l": 1.0}, loss_scaling=True)


def _advance(learner: Learner, gradients: _Gradients, *, clip_limit: float = 1.0) -> float:
    advance = learner.advance(gradients, 0, rate=0.1, clip_limit=clip_limit, stop_wanted=lambda: False)  # type: ignore[arg-type]
    assert advance is not None
    return advance.gradient_norm


def test_an_overflow_tries_the_same_step_again_with_half_the_scale() -> None:
    learner, gradients = _learner(), _Gradients(overflows=2)
    assert _advance(learner, gradients) == pytest.approx(5.0)
    assert gradients.scales == [2.0**16, 2.0**15, 2.0**14]
    # AdamW's first step is the rate, whatever the gradient's size: the step was taken once.
    assert learner.vectors["clip_l"].tolist()[0] == pytest.approx([0.9, 0.9])


def test_clipping_is_done_on_true_gradients() -> None:
    """Prodigy's and AdamW's first step hide the size of a gradient; its second moment does not."""
    for mode, limit, expected in [("norm", 2.5, [1.5, 2.0]), ("value", 3.5, [3.0, 3.5]), ("norm", 50.0, [3.0, 4.0])]:
        learner = _learner(clip_gradient=mode)
        assert _advance(learner, _Gradients(), clip_limit=limit) == pytest.approx(5.0)
        gradient = learner.vectors["clip_l"].grad
        assert gradient is not None
        assert gradient.tolist()[0] == pytest.approx(expected)


@pytest.mark.parametrize("mode", ["disabled", "value", "norm"])
def test_a_step_whose_prompts_lack_the_embedding_has_nothing_to_clip(tmp_path: Path, mode: str) -> None:
    world = make_world(tmp_path)
    world.create()
    (tmp_path / "templates" / "plain.txt").write_text("a photo\nno name here\na photo of [name]\n")
    finished = world.train(world.config(clip_gradient=mode))
    assert (finished.outcome, finished.step, finished.message[:17]) == ("done", 20, "Training finished")


def test_a_loss_that_is_no_number_does_not_use_the_scale_up() -> None:
    learner, gradients = _learner(), _Gradients(overflows=100, loss=math.nan)
    assert not math.isfinite(_advance(learner, gradients))
    assert gradients.scales == [2.0**16]


def test_gradients_that_are_bad_at_every_scale_leave_the_scale_as_it_was() -> None:
    learner, gradients = _learner(), _Gradients(overflows=20)
    assert not math.isfinite(_advance(learner, gradients))
    assert gradients.scales[-1] == 1.0
    gradients.overflows = 0
    _advance(learner, gradients)
    assert gradients.scales[-1] == 2.0**16


def test_a_run_with_an_overflow_is_the_run_without_it(tmp_path: Path) -> None:
    quiet = make_world(tmp_path / "quiet", needs_loss_scaling=True)
    quiet.create()
    expected = quiet.train(quiet.config(steps=6, csv_every=1))

    world = make_world(tmp_path / "loud", needs_loss_scaling=True)
    world.create()
    original, calls = world.host.leased.predict, []

    def predict(*arguments: object) -> torch.Tensor:
        prediction = original(*arguments)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 4:
            prediction.register_hook(lambda gradient: gradient * math.inf)
        return prediction

    world.host.leased.predict = predict  # type: ignore[method-assign]
    finished = world.train(world.config(steps=6, csv_every=1))
    assert len(calls) == 7
    assert [event.step for event in world.of(Stepped)] == [1, 2, 3, 4, 5, 6]
    assert not world.of(RolledBack)
    before, after = (read_embedding(Path(end.embedding)).vectors["*"] for end in (expected, finished))
    assert torch.equal(before, after)
    assert load_state(Path(finished.run_dir) / "resume.safetensors").loss_scale == 2.0**15


@pytest.mark.parametrize("scaling", [False, True])
def test_gradients_of_infinite_size_go_back(tmp_path: Path, scaling: bool) -> None:
    world = make_world(tmp_path, needs_loss_scaling=scaling)
    world.create()
    original, calls = world.host.leased.predict, []

    def predict(*arguments: object) -> torch.Tensor:
        prediction = original(*arguments)  # type: ignore[arg-type]
        calls.append(1)
        if 25 <= len(calls) < (42 if scaling else 26):
            prediction.register_hook(lambda gradient: gradient * math.inf)
        return prediction

    world.host.leased.predict = predict  # type: ignore[method-assign]
    finished = world.train(world.config(steps=30))
    assert finished.outcome == "done"
    (rollback,) = world.of(RolledBack)
    assert (rollback.step, rollback.to_step, rollback.reason) == (25, 10, "the gradient became nan")
    assert load_state(Path(finished.run_dir) / "resume.safetensors").loss_scale == (2.0**16 if scaling else 1.0)


def test_the_norm_is_over_all_vectors() -> None:
    parameters = [_parameter([3.0, 0.0]), _parameter([4.0]), torch.nn.Parameter(torch.ones(2))]
    assert gradient_norm(parameters) == 5.0
    assert gradient_norm(parameters[2:]) == 0.0
    clip_gradients(parameters, "disabled", 0.1)
    assert gradient_norm(parameters) == 5.0
    clip_gradients(parameters, "norm", 1.0)
    assert gradient_norm(parameters) == pytest.approx(1.0)


@pytest.mark.parametrize("optimizer", ["adamw", "prodigy"])
def test_an_optimiser_goes_on_exactly_from_its_state(optimizer: str) -> None:
    config = TrainConfig.from_mapping({"optimizer": optimizer, "weight_decay": 0.1, "beta2": 0.99})

    def steps(parameter: torch.nn.Parameter, made: torch.optim.Optimizer, numbers: range) -> None:
        for number in numbers:
            parameter.grad = torch.sin(parameter.detach() * 3 + number)
            set_rate(made, 0.01 * (number + 1))
            made.step()

    whole = torch.nn.Parameter(torch.ones(2, 3))
    steps(whole, make_optimizer(config, [ParameterGroup(parameters=[whole])]), range(9))
    first = torch.nn.Parameter(torch.ones(2, 3))
    before = make_optimizer(config, [ParameterGroup(parameters=[first])])
    steps(first, before, range(5))
    second = torch.nn.Parameter(first.detach().clone())
    after = make_optimizer(config, [ParameterGroup(parameters=[second])])
    restore_optimizer(after, *optimizer_state(before))
    steps(second, after, range(5, 9))
    assert torch.equal(whole, second)


def test_adamw_is_a1111s() -> None:
    made = make_optimizer(TrainConfig(), [ParameterGroup(parameters=[torch.nn.Parameter(torch.zeros(1, 1))])])
    group = made.param_groups[0]
    assert (type(made), group["betas"], group["eps"], group["weight_decay"]) == (
        torch.optim.AdamW,
        (0.9, 0.999),
        1e-8,
        0.0,
    )


def _snapshots(*steps: int) -> Snapshots:
    parameter = torch.nn.Parameter(torch.zeros(1, 1))
    kept = Snapshots()
    for step in steps:
        kept.keep(snapshot_of(step, {"a": parameter}, torch.optim.AdamW([parameter]), None))
    return kept


@pytest.mark.parametrize(
    ("steps", "failed", "back_to"),
    [
        ((0,), 1, 0),
        ((0,), 10, 0),
        ((0, 10), 11, 0),
        ((0, 10), 20, 10),
        ((0, 10, 20), 26, 10),
        ((0, 10, 20, 30), 31, 20),
    ],
)
def test_going_back_is_at_least_ten_steps_and_at_most_twenty(steps: tuple[int, ...], failed: int, back_to: int) -> None:
    assert _snapshots(*steps).go_back(failed).step == back_to


def test_a_state_that_was_gone_back_to_has_proven_good() -> None:
    kept = _snapshots(0, 10, 20)
    assert kept.go_back(26).step == 10
    assert kept.go_back(12).step == 10


@pytest.mark.parametrize("optimizer", ["adamw", "prodigy"])
def test_a_snapshot_does_not_change_when_training_goes_on(optimizer: str) -> None:
    learner = _learner(optimizer=optimizer, ema=0.9)
    _advance(learner, _Gradients(curved=True))
    kept = learner.snapshot(1)
    ends = []
    for _ in range(2):
        learner.restore(kept)
        for _ in range(3):
            _advance(learner, _Gradients(curved=True))
        ends.append((learner.vectors["clip_l"].detach().clone(), learner.shown["clip_l"]))
    assert torch.equal(ends[0][0], ends[1][0])
    assert torch.equal(ends[0][1], ends[1][1])


def test_what_counts_as_trouble() -> None:
    assert trouble(loss=0.1, gradient_norm=1e30, relative_norms=[LARGEST_NORM]) is None
    assert trouble(loss=math.nan, gradient_norm=1, relative_norms=[1]) == "the loss became nan"
    assert trouble(loss=math.inf, gradient_norm=1, relative_norms=[1]) == "the loss became inf"
    assert trouble(loss=1, gradient_norm=math.inf, relative_norms=[1]) == "the gradient became inf"
    assert trouble(loss=1, gradient_norm=1, relative_norms=[1, math.inf]) == "the vectors became NaN"
    assert (
        trouble(loss=1, gradient_norm=1, relative_norms=[1, 6000])
        == "the vectors grew to 6000 times the length of the model's own words"
    )


def test_vectors_that_are_not_finite_are_trouble_wherever_they_stand() -> None:
    for norms in ([math.nan, 1.0], [1.0, math.nan]):
        assert trouble(loss=1, gradient_norm=1, relative_norms=norms) == "the vectors became NaN"
