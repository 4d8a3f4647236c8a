from __future__ import annotations

from typing import Any

import pytest
import torch

from textual_inversion.core.loss.objective import Objective
from textual_inversion.core.loss.timesteps import TimestepSampler, level_weights
from textual_inversion.core.model.host import NoiseSchedule
from textual_inversion.core.settings.objective import ObjectiveSettings

ALPHAS = torch.linspace(0.999, 0.0047, 1000, dtype=torch.float64)
EPSILON = NoiseSchedule(alphas_cumprod=ALPHAS, prediction_type="epsilon")
V = NoiseSchedule(alphas_cumprod=ALPHAS, prediction_type="v_prediction")


def _drawn(bias: str, *, low: int = 0, high: int = 999, sampling: str = "uniform", steps: int = 500) -> torch.Tensor:
    settings = ObjectiveSettings(
        timesteps=sampling,  # type: ignore[arg-type]
        timestep_bias=bias,  # type: ignore[arg-type]
        min_timestep=low,
        max_timestep=high,
    )
    sampler = TimestepSampler(settings=settings, schedule=EPSILON, seed=1, batch_size=4, accumulation=1)
    return torch.cat([sampler.at(step, 0) for step in range(steps)])


def test_noisy_levels_come_as_often_as_their_weight_says() -> None:
    weights = level_weights("noisy", EPSILON)
    assert weights is not None
    assert weights[0] == 0
    assert (weights.diff() >= 0).all()
    expected = float((weights * torch.arange(1000)).sum() / weights.sum())
    assert _drawn("noisy").double().mean().item() == pytest.approx(expected, rel=0.03)
    assert expected > 550 > _drawn("none").double().mean().item()


@pytest.mark.parametrize("sampling", ["uniform", "stratified"])
def test_levels_stay_in_their_range(sampling: str) -> None:
    drawn = _drawn("noisy", low=100, high=200, sampling=sampling)
    assert 100 <= drawn.min() < 120
    assert 190 < drawn.max() <= 200


def _weights(schedule: NoiseSchedule, timesteps: torch.Tensor, **settings: Any) -> torch.Tensor:
    return Objective(schedule=schedule, settings=ObjectiveSettings(**settings)).timestep_weight(timesteps)


def test_the_velocity_weight_turns_the_error_into_one_in_v() -> None:
    plain = torch.ones(3)
    timesteps = torch.tensor([0, 500, 999])
    weights = _weights(EPSILON, timesteps, loss_weighting="velocity")
    torch.testing.assert_close(weights, (plain / ALPHAS[timesteps]).clamp(max=100.0), check_dtype=False)
    torch.testing.assert_close(_weights(V, timesteps, loss_weighting="velocity"), plain)


def test_it_multiplies_with_min_snr() -> None:
    timesteps = torch.tensor([10, 900])
    both = _weights(EPSILON, timesteps, loss_weighting="velocity", min_snr_gamma=5)
    velocity = _weights(EPSILON, timesteps, loss_weighting="velocity")
    min_snr = _weights(EPSILON, timesteps, min_snr_gamma=5)
    torch.testing.assert_close(both, velocity * min_snr)
