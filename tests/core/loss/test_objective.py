"""Targets, losses and weights, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from engine_world import World

from textual_inversion.core.base.control import Control
from textual_inversion.core.loss.objective import Objective
from textual_inversion.core.model.host import NoiseSchedule, PredictionType
from textual_inversion.core.run.assembly import assemble
from textual_inversion.core.run.checks import prepare
from textual_inversion.core.settings.objective import LossKind, LossWeighting, ObjectiveSettings

# SNR = a / (1 - a): 9, 1, 1/4, 0
ALPHAS = torch.tensor([0.9, 0.5, 0.2, 0.0], dtype=torch.float64)
ALL = torch.arange(4)


def _objective(kind: PredictionType = "epsilon", **changes: object) -> Objective:
    schedule = NoiseSchedule(alphas_cumprod=ALPHAS, prediction_type=kind)
    return Objective(schedule=schedule, settings=ObjectiveSettings(**changes))  # type: ignore[arg-type]


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_epsilon_models_are_asked_for_the_noise() -> None:
    latents, noise = _random(4, 2, 3, 3), _random(4, 2, 3, 3, seed=1)
    assert torch.equal(_objective().target(latents, noise, ALL), noise)


def test_v_models_are_asked_for_the_velocity() -> None:
    target = _objective("v_prediction").target(torch.full((4, 1, 1, 1), 2.0), torch.full((4, 1, 1, 1), 3.0), ALL)
    expected = [0.9**0.5 * 3 - 0.1**0.5 * 2, 0.5**0.5, 0.2**0.5 * 3 - 0.8**0.5 * 2, -2.0]
    assert target.flatten().tolist() == pytest.approx(expected)


def test_mse_is_a_mean_for_each_picture() -> None:
    prediction = torch.tensor([[[[1.0, 2.0]]], [[[0.0, 0.0]]]])
    target = torch.tensor([[[[0.0, 0.0]]], [[[3.0, 0.0]]]])
    losses = _objective()(prediction, target, timesteps=torch.tensor([0, 1]), weight=None)
    assert losses.tolist() == [2.5, 4.5]


def test_huber_is_half_a_square_below_delta_and_straight_above() -> None:
    prediction = torch.tensor([0.05, 0.1, 2.0, -1.0]).reshape(4, 1, 1, 1)
    losses = _objective(loss="huber", huber_delta=0.1)(prediction, prediction * 0, timesteps=ALL, weight=None)
    assert losses.tolist() == pytest.approx([0.5 * 0.05**2, 0.005, 0.1 * (2 - 0.05), 0.1 * (1 - 0.05)])


@pytest.mark.parametrize(
    ("kind", "gamma", "expected"),
    [
        ("epsilon", 0.0, [1, 1, 1, 1]),
        ("epsilon", 5.0, [5 / 9, 1, 1, 1]),
        ("epsilon", 0.5, [0.5 / 9, 0.5, 1, 1]),
        ("v_prediction", 5.0, [5 / 10, 1 / 2, 0.25 / 1.25, 0]),
        ("v_prediction", 0.1, [0.1 / 10, 0.1 / 2, 0.1 / 1.25, 0]),
    ],
)
def test_min_snr_weights(kind: PredictionType, gamma: float, expected: list[float]) -> None:
    objective = _objective(kind, min_snr_gamma=gamma)
    assert objective.timestep_weight(ALL).tolist() == pytest.approx(expected)
    ones = torch.ones(4, 1, 2, 2)
    assert objective(ones, ones * 0, timesteps=ALL, weight=None).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("mae", [0.05, 0.1, 2.0, 1.0]), ("log-cosh", [math.log(math.cosh(x)) for x in (0.05, 0.1, 2.0, 1.0)])],
)
def test_errors_that_count_less_than_their_square(loss: LossKind, expected: list[float]) -> None:
    prediction = torch.tensor([0.05, 0.1, 2.0, -1.0]).reshape(4, 1, 1, 1)
    losses = _objective(loss=loss)(prediction, prediction * 0, timesteps=ALL, weight=None)
    assert losses.tolist() == pytest.approx(expected, abs=1e-6)


def test_a_large_error_has_a_log_cosh() -> None:
    large = torch.tensor([400.0, -400.0, 3.0, 0.0]).reshape(4, 1, 1, 1)
    losses = _objective(loss="log-cosh")(large, large * 0, timesteps=ALL, weight=None)
    assert losses[:2].tolist() == pytest.approx([400 - math.log(2)] * 2)


@pytest.mark.parametrize(
    ("kind", "weighting", "expected"),
    [
        ("epsilon", "p2", [1 / 10, 1 / 2, 1 / 1.25, 1]),
        ("v_prediction", "p2", [1 / 11, 1 / 3, 1 / 2.25, 1 / 2]),
        ("epsilon", "debiased", [1 / 3, 1, 2, 100]),
        ("v_prediction", "debiased", [10**-0.5, 2**-0.5, 1.25**-0.5, 1]),
        ("v_prediction", "velocity", [1, 1, 1, 1]),
    ],
)
def test_weights_by_the_name_of_the_peers(
    kind: PredictionType, weighting: LossWeighting, expected: list[float]
) -> None:
    """At signal-to-noise ratios of 9, 1, 1/4 and 0; pure noise counts at most a hundredfold."""
    assert _objective(kind, loss_weighting=weighting).timestep_weight(ALL).tolist() == pytest.approx(expected)


def test_a_weight_map_of_mean_one_keeps_the_scale_and_moves_the_attention() -> None:
    weight = torch.tensor([[[[2.0, 0.0]]]])
    even, left = torch.ones(1, 3, 1, 2), torch.tensor([1.0, 0.0]).expand(1, 3, 1, 2)
    for loss in ("mse", "huber", "mae", "log-cosh"):
        objective = _objective(loss=loss)
        plain = objective(even, even * 0, timesteps=ALL[:1], weight=None)
        assert torch.allclose(objective(even, even * 0, timesteps=ALL[:1], weight=weight), plain)
        assert torch.allclose(objective(left, left * 0, timesteps=ALL[:1], weight=weight), plain)
        assert objective(1 - left, left * 0, timesteps=ALL[:1], weight=weight).item() == 0


@pytest.mark.parametrize("loss", ["mse", "huber"])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_its_gradient_is_that_of_finite_differences(loss: str, kind: PredictionType) -> None:
    objective = _objective(kind, loss=loss, huber_delta=0.7, min_snr_gamma=5.0)
    target, weight = _random(4, 2, 2, 3), _random(4, 1, 2, 3, seed=2).abs()
    prediction = _random(4, 2, 2, 3, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda each: objective(each, target, timesteps=ALL, weight=weight), (prediction,), eps=1e-6, atol=1e-6
    )


def test_the_gradient_of_a_whole_step_is_that_of_its_loss(world: World) -> None:
    """The fake model's loss is quadratic in the vectors, so a central difference of any width is exact."""
    world.create()
    config = world.config(batch_size=2, gradient_accumulation=3, min_snr_gamma=5.0, latent_sampling="random")
    job = prepare(config, world.host, resume=None, from_step=None)
    trainer = assemble(job, world.host.leased, control=Control(), emit=world.events.append)  # type: ignore[arg-type]
    vectors = trainer.learner.vectors
    trainer.gradients.run(vectors, 4)
    rows = vectors["clip_l"]
    gradient = rows.grad
    assert gradient is not None

    def loss_at(row: int, column: int, by: float) -> float:
        moved = rows.detach().clone()
        moved[row, column] += by
        return trainer.gradients.run({"clip_l": moved}, 4).loss

    for row, column in [(0, 0), (1, 7), (0, 15)]:
        slope = (loss_at(row, column, 8.0) - loss_at(row, column, -8.0)) / 16
        assert float(gradient[row, column]) == pytest.approx(slope, rel=2e-3, abs=1e-6)
