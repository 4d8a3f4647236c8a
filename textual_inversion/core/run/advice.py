"""Sentences about settings that can be trained with and are probably not what a person means."""

from __future__ import annotations

from collections.abc import Iterator

from ..settings.rate import Schedule
from ..settings.train_config import TrainConfig

MANY_STEPS = 20_000
"""Optimiser steps at a constant batch of one that no study of embeddings was found to need."""

_FAR = 1.5
"""Times that a side may be larger or smaller than that of the checkpoint's own pictures before it is told."""


def plan_advice(config: TrainConfig, learning_rate: Schedule, start_step: int, *, native_size: int) -> Iterator[str]:
    """For a new run. ``start_step`` are steps that the embedding has had; ``native_size`` the side of the checkpoint's pictures in pixels."""
    yield from _size(config, native_size)
    yield from _steps(config, start_step)
    yield from _falling_rate(config, learning_rate, start_step)


def _size(config: TrainConfig, native: int) -> Iterator[str]:
    if config.fit == "none":
        return
    if not native / _FAR < (config.width * config.height) ** 0.5 < native * _FAR:
        yield (
            f"Training is at {config.width}x{config.height}, and the checkpoint was made for pictures of {native}x{native}. What is "
            f"learned at another size is drawn less well: set width and height to {native}, or load the checkpoint that you mean."
        )


def _steps(config: TrainConfig, start_step: int) -> Iterator[str]:
    if config.steps - start_step > MANY_STEPS and not config.auto_stop:
        yield (
            f"{config.steps - start_step} steps are far more than an embedding needs, and too many spoil it: 500 to 3000 are usual. "
            "Set Max steps, or let it stop by itself."
        )


def _falling_rate(config: TrainConfig, schedule: Schedule, start_step: int) -> Iterator[str]:
    """A schedule counts from the embedding's first step, so one that goes on begins in the middle of it."""
    first, now = schedule.rate_at(0), schedule.rate_at(start_step)
    if start_step and now < first / 2:
        yield (
            f"The learning rate falls over all {config.steps} steps, and the embedding has had {start_step} of them: it begins at "
            f"{now:.3g} instead of {first:.3g}. For the whole of it make the embedding anew, or give a constant rate."
        )
