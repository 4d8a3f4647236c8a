"""Which noise levels are drawn: every one of them, evenly, and always the same for the same step."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.loss.timesteps import TimestepSampler, timestep_range
from textual_inversion.core.model.host import NoiseSchedule, PredictionType
from textual_inversion.core.settings.objective import ObjectiveSettings, TimestepSampling


def _sampler(sampling: TimestepSampling = "uniform", **changes: int) -> TimestepSampler:
    values = {"seed": 3, "low": 0, "high": 999, "batch_size": 1, "accumulation": 1, **changes}
    settings = ObjectiveSettings(timesteps=sampling, min_timestep=values.pop("low"), max_timestep=values.pop("high"))
    return TimestepSampler(settings=settings, schedule=_schedule(1000), **values)


def _schedule(count: int, *, prediction: PredictionType = "epsilon", last: float = 0.005) -> NoiseSchedule:
    return NoiseSchedule(
        alphas_cumprod=torch.linspace(0.999, last, count, dtype=torch.float64), prediction_type=prediction
    )


def _step(sampler: TimestepSampler, step: int) -> list[int]:
    return [level for micro in range(sampler.accumulation) for level in sampler.at(step, micro).tolist()]


def test_uniform_draws_reach_both_ends_and_are_even() -> None:
    sampler = _sampler(low=10, high=13, batch_size=500)
    counts = torch.bincount(torch.cat([sampler.at(step, 0) for step in range(8)]), minlength=14)
    assert counts[:10].sum() == 0
    assert counts.shape == (14,)
    assert all(900 < count < 1100 for count in counts[10:].tolist())


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 3), (3, 2), (4, 4), (16, 1), (5, 5), (40, 1)])
def test_stratified_draws_take_each_stratum_once_a_block(shape: tuple[int, int]) -> None:
    batch_size, accumulation = shape
    samples = batch_size * accumulation
    steps = -(-16 // samples)
    strata = samples * steps
    # One level a stratum: a draw is then the number of its stratum.
    sampler = _sampler("stratified", high=strata - 1, batch_size=batch_size, accumulation=accumulation)
    for block in (0, 1, 7):
        drawn = [level for step in range(block * steps, (block + 1) * steps) for level in _step(sampler, step)]
        assert sorted(drawn) == list(range(strata))


def test_one_step_alone_is_spread_out_too() -> None:
    sampler = _sampler("stratified", high=999, batch_size=4)
    for step in range(20):
        assert sorted(level // 250 for level in _step(sampler, step)) == [0, 1, 2, 3]


def test_stratified_levels_are_not_always_the_same() -> None:
    sampler = _sampler("stratified")
    levels = {level for step in range(64) for level in _step(sampler, step)}
    assert len(levels) > 50


@given(
    st.sampled_from(["uniform", "stratified"]),
    st.integers(0, 999),
    st.integers(0, 999),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(0, 10**6),
)
def test_the_range_is_kept(
    sampling: TimestepSampling, one: int, two: int, batch: int, accumulation: int, step: int
) -> None:
    low, high = sorted((one, two))
    sampler = _sampler(sampling, low=low, high=high, batch_size=batch, accumulation=accumulation)
    drawn = sampler.at(step, accumulation - 1)
    assert drawn.shape == (batch,)
    assert drawn.dtype == torch.int64
    assert low <= int(drawn.min()) <= int(drawn.max()) <= high


@pytest.mark.parametrize("sampling", ["uniform", "stratified"])
def test_a_draw_depends_on_seed_step_and_micro_batch_alone(sampling: TimestepSampling) -> None:
    sampler = _sampler(sampling, batch_size=8, accumulation=2)
    late = sampler.at(5, 1)
    torch.manual_seed(99)
    sampler.at(0, 0)
    assert torch.equal(sampler.at(5, 1), late)
    assert torch.equal(_sampler(sampling, batch_size=8, accumulation=2).at(5, 1), late)
    for other in (
        sampler.at(5, 0),
        sampler.at(6, 1),
        _sampler(sampling, seed=4, batch_size=8, accumulation=2).at(5, 1),
    ):
        assert not torch.equal(other, late)


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 999, 1000, (0, 999)),
        (0, 999, 500, (0, 499)),
        (0, 999, 2000, (0, 1999)),
        (5, 300, 1000, (5, 300)),
        (5, 600, 500, (5, 499)),
    ],
)
def test_the_range_ends_with_the_model(low: int, high: int, count: int, expected: tuple[int, int]) -> None:
    assert timestep_range(low, high, schedule=_schedule(count)) == expected


def test_a_range_beyond_the_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"lowest timestep .600. is above the loaded model's last one .499."):
        timestep_range(600, 999, schedule=_schedule(500))


@pytest.mark.parametrize(("prediction", "highest"), [("epsilon", 998), ("v_prediction", 999)])
def test_pure_noise_is_trained_on_only_where_something_can_be_learned(prediction: PredictionType, highest: int) -> None:
    """At the last level of zero terminal SNR the noise to be named is the input itself; v is the picture there."""
    schedule = _schedule(1000, prediction=prediction, last=0.0)
    assert timestep_range(0, 999, schedule=schedule) == (0, highest)
