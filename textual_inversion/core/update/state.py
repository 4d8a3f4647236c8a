"""Everything needed to go on exactly where a run stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(kw_only=True)
class RunState:
    """The state after ``step`` optimiser steps.

    All random choices are functions of (seed, purpose, step), so no generator is saved; a step that was stopped in the
    middle of its accumulation is done again from its start, which gives the same sum.

    ``first_step`` is the number of steps that the embedding had had when the run began. ``reference`` and ``word_loss`` are
    what gain and context drift are measured against: the vectors of the class word (positive half only) and the
    fixed-batch loss that they leave. All tensors by encoder key are float32 [vectors, width].
    """

    step: int
    vectors: dict[str, torch.Tensor]
    optimizer_tensors: dict[str, torch.Tensor]
    optimizer_numbers: dict[str, Any]
    average: dict[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    average_updates: int = 0
    best_vectors: dict[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    best_step: int | None = None
    best_loss: float | None = None
    evaluations: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    smooth_loss: float | None = None
    rate_scale: float = 1.0
    rolled_back: bool = False
    loss_scale: float = 1.0
    loss_scale_good_steps: int = 0
    first_step: int = 0
    reference: dict[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    word_loss: float | None = None
