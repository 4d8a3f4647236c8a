"""Going back when the loss or the vectors go bad."""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

_EVERY = 10
_KEPT = 3
LARGEST_NORM = 5000.0
"""In units of the token table's mean norm. The guides' highest rates reach some hundreds; more is a run away."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The state after ``step`` steps, in memory."""

    step: int
    vectors: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    average: tuple[dict[str, torch.Tensor], int] | None
    smooth_loss: float | None = None


class Snapshots:
    """Copies of the last good states, one every 10 steps; going back loses at most 20 steps."""

    def __init__(self) -> None:
        self._kept: deque[Snapshot] = deque(maxlen=_KEPT)
        self._proven = -1

    @staticmethod
    def is_due(step: int) -> bool:
        return step % _EVERY == 0

    def keep(self, snapshot: Snapshot) -> None:
        self._kept.append(snapshot)

    def go_back(self, step: int) -> Snapshot:
        """The newest state at least 10 steps before ``step``, since the last one may be bad already; or the one that
        was gone back to before, which has proven good. Later states are forgotten."""
        while len(self._kept) > 1 and self._kept[-1].step > max(step - _EVERY, self._proven):
            self._kept.pop()
        self._proven = self._kept[-1].step
        return self._kept[-1]


def snapshot_of(
    step: int,
    vectors: Mapping[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    average: tuple[Mapping[str, torch.Tensor], int] | None,
    *,
    smooth_loss: float | None = None,
) -> Snapshot:
    """Copy everything that a step changes: vectors [vectors, width] by key, the optimiser's state, the average."""
    return Snapshot(
        step=step,
        vectors={key: rows.detach().clone() for key, rows in vectors.items()},
        optimizer=copy.deepcopy(optimizer.state_dict()),
        average=None if average is None else ({key: rows.clone() for key, rows in average[0].items()}, average[1]),
        smooth_loss=smooth_loss,
    )


def trouble(*, loss: float, gradient_norm: float, relative_norms: Sequence[float]) -> str | None:
    """A sentence when the run has gone bad, else None. ``relative_norms`` are the rows' lengths in units of the table's mean."""
    if not math.isfinite(loss):
        return f"the loss became {loss}"
    if not math.isfinite(gradient_norm):
        return f"the gradient became {gradient_norm}"
    if not all(map(math.isfinite, relative_norms)):  # max() would overlook a NaN that is not the first
        return "the vectors became NaN"
    worst = max(relative_norms, default=0.0)
    if worst > LARGEST_NORM:
        return f"the vectors grew to {worst:.0f} times the length of the model's own words"
    return None
