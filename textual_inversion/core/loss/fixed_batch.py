"""The fixed-batch loss: the same pictures, captions, noise and timesteps every time, so that its curve can be read.

Voronov et al. 2023, "Is This Loss Informative?": the training loss is dominated by the timestep that was drawn; this one is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from .gradients import GradientStep
from .noise import draw_noise

_STEP = 2**40
"""A step number no run reaches: the fixed batch's random choices never coincide with training's."""


@dataclass(frozen=True, kw_only=True)
class FixedBatch:
    """``samples`` pictures (going round ``pictures``), each at its own noise level, spread evenly over the schedule."""

    step: GradientStep
    samples: int
    pictures: Sequence[int]

    @torch.no_grad()
    def loss(self, vectors: Mapping[str, torch.Tensor]) -> float:
        """The mean loss of vectors [vectors, width] over the fixed samples, one at a time: no more memory than
        training itself."""
        total = 0.0
        low, high = self.step.timesteps.low, self.step.timesteps.high
        for sample in range(self.samples):
            index = self.pictures[sample % len(self.pictures)]
            latents, weight = self.step.latents.means([index])
            noise = draw_noise(tuple(latents.shape), seed=self.step.seed, purpose="fixed-noise", indices=(sample,))
            prompts = self.step.prompts.draw([index], step=_STEP, micro=sample)
            level = low + (high - low) * (sample + 0.5) / self.samples
            losses = self.step.losses(
                vectors,
                latents=latents,
                weight=weight,
                noise=noise,
                timesteps=torch.tensor([round(level)]),
                prompts=prompts,
            )
            total += float(losses.mean())
        return total / self.samples
