"""Draw the noise levels that a step trains on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ..base.errors import InputError
from ..base.randomness import generator
from ..model.host import NoiseSchedule
from ..settings.objective import ObjectiveSettings, TimestepBias

_SMALLEST_BLOCK = 16
USUAL_LAST = 999


def level_weights(bias: TimestepBias, schedule: NoiseSchedule) -> torch.Tensor | None:
    """Relative frequency [T] of each level: ``noisy`` in proportion to max logSNR - logSNR (TextBoost, Park et al.
    2024)."""
    if bias == "none":
        return None
    a = schedule.alphas_cumprod.double().clamp(1e-8, 1 - 1e-8)
    log_snr = (a / (1 - a)).log()
    return log_snr.max() - log_snr


def timestep_range(low: int, high: int, *, schedule: NoiseSchedule) -> tuple[int, int]:
    """The settings *Lowest* and *Highest timestep* for a model of ``schedule``'s levels, of which 1000 are usual: 999 is its last.

    A model that predicts epsilon learns nothing where a schedule of zero terminal SNR ends: its input is the very noise that it
    has to name (Lin et al. 2024, section 3.2), so that level is left out. Raises InputError where the lowest is beyond the last.
    """
    alphas = schedule.alphas_cumprod
    last = len(alphas) - 1
    if schedule.prediction_type == "epsilon":
        last = int((alphas > 0).nonzero().max())
    if low > last:
        raise InputError(
            f"The lowest timestep ({low}) is above the loaded model's last one ({last}).", field="min_timestep"
        )
    return low, last if high == USUAL_LAST else min(high, last)


@dataclass(frozen=True, kw_only=True)
class TimestepSampler:
    """Integer timesteps of the range that the settings allow, a pure function of (seed, step, micro).

    ``uniform``: independent draws, as in A1111 and LDM (torch.randint).
    ``stratified``: one draw from each of equal strata over the whole effective batch, as ``stratified_uniform`` in
    k-diffusion's utils.py; batches of fewer than 16 samples share their strata with the steps beside them, so that a
    batch of 1 also covers all levels evenly over 16 steps.
    ``low`` and ``high`` are the first and the last level; ``weights`` [T] say how often each is wanted, None is equally often.
    Raises InputError where the model has none of the settings' levels.
    """

    settings: ObjectiveSettings
    schedule: NoiseSchedule
    seed: int
    batch_size: int
    accumulation: int
    low: int = field(init=False)
    high: int = field(init=False)
    weights: torch.Tensor | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        low, high = timestep_range(self.settings.min_timestep, self.settings.max_timestep, schedule=self.schedule)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        object.__setattr__(self, "weights", level_weights(self.settings.timestep_bias, self.schedule))

    def at(self, step: int, micro: int) -> torch.Tensor:
        """int64 [batch_size] on the CPU for micro-batch ``micro`` of optimiser step ``step`` (both from 0)."""
        draw: Callable[[int, int], torch.Tensor] = (
            self._stratified if self.settings.timesteps == "stratified" else self._uniform
        )
        levels = self.low + self._level(draw(step, micro))
        return levels.clamp_(self.low, self.high)

    def _level(self, shares: torch.Tensor) -> torch.Tensor:
        """Find the level above the lowest at these shares [B] (0 to 1) of all draws."""
        if self.weights is None:
            return (shares * (self.high - self.low + 1)).floor().long()
        below = self.weights[self.low : self.high + 1].double().cumsum(0)
        return torch.searchsorted(below / below[-1], shares, right=True)

    def _uniform(self, step: int, micro: int) -> torch.Tensor:
        """Shares [B] in [0, 1), float64."""
        return torch.rand(
            self.batch_size, generator=generator(self.seed, "timesteps", step, micro), dtype=torch.float64
        )

    def _stratified(self, step: int, micro: int) -> torch.Tensor:
        """Shares [B] in [0, 1), one from each stratum that is this micro-batch's."""
        in_step = self.batch_size * self.accumulation
        steps_in_block = -(-_SMALLEST_BLOCK // in_step)
        block, position = divmod(step, steps_in_block)
        offsets = torch.randperm(steps_in_block, generator=generator(self.seed, "strata", block))
        order = torch.randperm(in_step, generator=generator(self.seed, "strata-order", step))
        mine = order[micro * self.batch_size : (micro + 1) * self.batch_size]
        strata = mine * steps_in_block + offsets[position]
        jitter = self._uniform(step, micro)
        return (strata + jitter) / (in_step * steps_in_block)
