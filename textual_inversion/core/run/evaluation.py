"""Measuring a run on its fixed batch: the loss, what was gained on the class word, and whether prompts are still obeyed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from ..loss.context_drift import ContextDrift
from ..loss.fixed_batch import FixedBatch
from ..record.events import Emit, Evaluated, Warned
from ..update.state import RunState
from .best_steps import BestSteps


@dataclass(kw_only=True)
class Evaluation:
    """Measures vectors, and keeps in ``state`` what was measured and the best of it.

    ``context`` holds the class word's vectors; where it is None, gain and drift are unknown.
    """

    state: RunState
    fixed_batch: FixedBatch
    context: ContextDrift | None
    emit: Emit
    _best: BestSteps = field(init=False)

    def __post_init__(self) -> None:
        self._best = BestSteps(self.state)

    def measure(self, vectors: Mapping[str, torch.Tensor]) -> None:
        """Measure the vectors [vectors, width] of the state's step, and tell of it. A loss that is no number is left out."""
        step, loss = self.state.step, self.fixed_batch.loss(vectors)
        if not math.isfinite(loss):
            self.emit(Warned(message=f"The fixed-batch loss at step {step} is {loss}, so it was left out."))
            return
        best = self._best.offer(loss, dict(vectors))
        self.state.evaluations.append((step, loss))
        gain = self._gain(loss, vectors)
        drift = None if self.context is None else self.context.measure(vectors)
        self.emit(Evaluated(step=step, loss=loss, best=best, gain=gain, drift=drift))

    def _gain(self, loss: float, vectors: Mapping[str, torch.Tensor]) -> float | None:
        """The share of the class word's loss that is gone with ``vectors`` [vectors, width]; of a pair measured
        beside the first negative half."""
        if self.context is None:
            return None
        if self.state.word_loss is None:
            device = self.fixed_batch.step.lease.device
            word = {key: rows.to(device) for key, rows in self.context.reference.items()}
            self.state.word_loss = self.fixed_batch.loss({**vectors, **word})
        return 1 - loss / self.state.word_loss if self.state.word_loss > 0 else None

    def go_back(self, step: int) -> None:
        """Forget what was measured after ``step``."""
        self.state.evaluations = [(at, loss) for at, loss in self.state.evaluations if at <= step]
        self._best.go_back(step)
