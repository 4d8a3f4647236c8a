"""Which noise levels a step trains on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .randomness import generator
from .settings.objective import TimestepSampling

_SMALLEST_BLOCK = 16


@dataclass(frozen=True, kw_only=True)
class TimestepSampler:
    """Integer timesteps in [low, high], a pure function of (seed, step, micro).

    ``uniform``: independent draws, as in A1111 and LDM (torch.randint).
    ``stratified``: one draw from each of equal strata over the whole effective batch, as ``stratified_uniform`` in
    k-diffusion's utils.py; batches of fewer than 16 samples share their strata with the steps beside them, so that a
    batch of 1 also covers all levels evenly over 16 steps.
    """

    sampling: TimestepSampling
    seed: int
    low: int
    high: int
    batch_size: int
    accumulation: int

    def at(self, step: int, micro: int) -> torch.Tensor:
        """int64 [batch_size] on the CPU for micro-batch ``micro`` of optimiser step ``step`` (both from 0)."""
        draw: Callable[[int, int], torch.Tensor] = self._stratified if self.sampling == "stratified" else self._uniform
        levels = self.low + (draw(step, micro) * (self.high - self.low + 1)).floor().long()
        return levels.clamp_(self.low, self.high)

    def _uniform(self, step: int, micro: int) -> torch.Tensor:
        return torch.rand(
            self.batch_size, generator=generator(self.seed, "timesteps", step, micro), dtype=torch.float64
        )

    def _stratified(self, step: int, micro: int) -> torch.Tensor:
        in_step = self.batch_size * self.accumulation
        steps_in_block = -(-_SMALLEST_BLOCK // in_step)
        block, position = divmod(step, steps_in_block)
        offsets = torch.randperm(steps_in_block, generator=generator(self.seed, "strata", block))
        order = torch.randperm(in_step, generator=generator(self.seed, "strata-order", step))
        mine = order[micro * self.batch_size : (micro + 1) * self.batch_size]
        strata = mine * steps_in_block + offsets[position]
        jitter = self._uniform(step, micro)
        return (strata + jitter) / (in_step * steps_in_block)
