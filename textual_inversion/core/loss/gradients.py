"""One optimiser step: its batches, predictions and gradients, before the optimiser moves anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from ..model.host import Lease
from ..settings.objective import ObjectiveSettings
from .batches import BatchPlan
from .context_drift import ContextDrift
from .latents import LatentCache
from .noise import add_noise, draw_noise
from .objective import Objective
from .prediction import Predictor
from .prompts import TrainingPrompt
from .reconstruction import Reconstruction
from .timesteps import TimestepSampler


class PromptSource(Protocol):
    """Source of training prompts."""

    def draw(self, indices: Sequence[int], *, step: int, micro: int) -> list[TrainingPrompt]:
        """Draw one prompt for each picture; deterministic in (indices, step, micro)."""
        ...


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """``loss`` is the mean over the step's pictures; ``prompt`` the last one used.

    ``named`` tells whether any prompt held the embedding; ``complete`` is False when the step was stopped midway.
    """

    loss: float
    prompt: TrainingPrompt
    named: bool = True
    complete: bool = True


class Gradients(Protocol):
    """Computer of a step's gradient; see ``GradientStep.run``."""

    def run(
        self,
        vectors: Mapping[str, torch.Tensor],
        step: int,
        *,
        scale: float = 1.0,
        stop_wanted: Callable[[], bool] = lambda: False,
    ) -> StepResult:
        """Add the gradient of a step to the ``.grad`` of the vectors [vectors, width]."""
        ...


@dataclass(frozen=True, kw_only=True)
class Forward:
    """One prediction on the lease's device: ``prediction`` and ``noisy`` [B, C, h, w], and the ``losses`` of the pictures [B]."""

    prediction: torch.Tensor
    noisy: torch.Tensor
    losses: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class MicroBatch:
    """All that is drawn for one micro-batch of B pictures, on the CPU: latents and noise [B, C, h, w], timesteps [B], weight [B, 1, h, w]."""

    indices: Sequence[int]
    latents: torch.Tensor
    weight: torch.Tensor | None
    noise: torch.Tensor
    timesteps: torch.Tensor
    prompts: Sequence[TrainingPrompt]

    def __len__(self) -> int:
        return len(self.indices)

    def cut(self, parts: int) -> Iterator[MicroBatch]:
        """The same pictures in so many parts, at most one picture each; itself where that is one."""
        if parts == 1:
            yield self
            return
        size = math.ceil(len(self) / parts)
        for start in range(0, len(self), size):
            some = slice(start, start + size)
            yield MicroBatch(
                indices=self.indices[some],
                latents=self.latents[some],
                weight=None if self.weight is None else self.weight[some],
                noise=self.noise[some],
                timesteps=self.timesteps[some],
                prompts=self.prompts[some],
            )


@dataclass(frozen=True, kw_only=True)
class GradientStep:
    """Computes the gradient of one whole optimiser step, over all of its micro-batches.

    Everything random in it is a function of (seed, step), so doing a step again gives the same gradient. With ``parts`` above 1 each micro-batch
    goes through the model in that many parts, for less memory: what is drawn stays the same, and so does the gradient but for rounding.
    """

    lease: Lease
    predictor: Predictor
    objective: Objective
    batches: BatchPlan
    latents: LatentCache
    prompts: PromptSource
    timesteps: TimestepSampler
    seed: int
    settings: ObjectiveSettings
    reconstruction: Reconstruction | None = None
    context: ContextDrift | None = None
    pixels_per_latent: int = 8
    parts: int = 1

    def run(
        self,
        vectors: Mapping[str, torch.Tensor],
        step: int,
        *,
        scale: float = 1.0,
        stop_wanted: Callable[[], bool] = lambda: False,
    ) -> StepResult:
        """Add the gradient of step ``step`` (counted from 0), times ``scale``, to the ``.grad`` of the vectors
        [vectors, width].

        Between micro-batches ``stop_wanted`` is asked; a step stopped there is incomplete and its gradient must be thrown away.
        """
        losses: list[torch.Tensor] = []
        prompt, named = TrainingPrompt(text=""), False
        for micro in range(self.batches.accumulation):
            if micro and stop_wanted():
                return StepResult(loss=float("nan"), prompt=prompt, complete=False)
            batch = self.drawn(step, micro)
            for part in batch.cut(self.parts):
                loss = self.losses_of(vectors, part).mean() / self.batches.accumulation
                loss = loss if part is batch else loss * (len(part) / len(batch))
                if loss.requires_grad:  # not when none of the prompts holds the embedding
                    named = True
                    (loss * scale).backward()
                losses.append(loss.detach())
            prompt = batch.prompts[-1]
        self._keep_context(vectors, step, scale=scale)
        return StepResult(loss=float(torch.stack(losses).sum()), prompt=prompt, named=named)

    def _keep_context(self, vectors: Mapping[str, torch.Tensor], step: int, *, scale: float) -> None:
        """Add to the vectors [vectors, width] the gradient of the context term (CoRe, Wu et al. 2025), which the
        loss shown leaves out."""
        if self.context is None or self.settings.context_weight <= 0:
            return
        term = self.context.term(vectors, seed=self.seed, step=step)
        if term is not None:
            (self.settings.context_weight * scale * term).backward()

    def drawn(self, step: int, micro: int) -> MicroBatch:
        """Draw micro-batch ``micro`` of a step; decided by both numbers and the seed."""
        indices = self.batches.batch(step, micro)
        latents, weight = self.latents.batch(indices, step=step, micro=micro)
        noise = draw_noise(
            tuple(latents.shape),
            seed=self.seed,
            purpose="noise",
            indices=(step, micro),
            offset=self.settings.noise_offset,
        )
        return MicroBatch(
            indices=indices,
            latents=latents,
            weight=weight,
            noise=noise,
            timesteps=self.timesteps.at(step, micro),
            prompts=self.prompts.draw(indices, step=step, micro=micro),
        )

    def losses_of(self, vectors: Mapping[str, torch.Tensor], batch: MicroBatch) -> torch.Tensor:
        """The loss of each picture of a micro-batch, [B]."""
        done = self._forward(
            vectors,
            latents=batch.latents,
            weight=batch.weight,
            noise=batch.noise,
            timesteps=batch.timesteps,
            prompts=batch.prompts,
        )
        if self.reconstruction is None:
            return done.losses
        return done.losses + self.reconstruction(
            done.prediction, noisy=done.noisy, timesteps=batch.timesteps, indices=batch.indices, weight=batch.weight
        )

    def losses(
        self,
        vectors: Mapping[str, torch.Tensor],
        *,
        latents: torch.Tensor,
        weight: torch.Tensor | None,
        noise: torch.Tensor,
        timesteps: torch.Tensor,
        prompts: Sequence[TrainingPrompt],
    ) -> torch.Tensor:
        """The denoising loss of each picture [B] for given latents, noise, timesteps and prompts; tensors may be on the CPU."""
        return self._forward(
            vectors, latents=latents, weight=weight, noise=noise, timesteps=timesteps, prompts=prompts
        ).losses

    def _forward(
        self,
        vectors: Mapping[str, torch.Tensor],
        *,
        latents: torch.Tensor,
        weight: torch.Tensor | None,
        noise: torch.Tensor,
        timesteps: torch.Tensor,
        prompts: Sequence[TrainingPrompt],
    ) -> Forward:
        """Predict and compare. ``latents`` and ``noise`` [B, C, h, w], ``weight`` [B, 1, h, w] or None,
        ``timesteps`` [B], on the CPU."""
        device = self.lease.device
        alpha_bar = self.objective.schedule.alphas_cumprod[timesteps]
        target = self.objective.target(latents, noise, timesteps)
        noisy = add_noise(latents, noise, alpha_bar).to(device)
        height, width = (self.pixels_per_latent * side for side in latents.shape[-2:])
        prediction = self.predictor(
            vectors, noisy=noisy, timesteps=timesteps.to(device), prompts=prompts, size=(width, height)
        )
        weight = None if weight is None else weight.to(device)
        losses = self.objective(prediction, target.to(prediction), timesteps=timesteps, weight=weight)
        return Forward(prediction=prediction, noisy=noisy, losses=losses)
