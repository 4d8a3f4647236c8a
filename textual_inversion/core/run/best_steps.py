"""The best steps so far, so that going back also takes back a best step that was undone."""

from __future__ import annotations

from collections import deque

import torch

from ..update.state import RunState

_KEPT = 32
"""More than there can be evaluations among the steps that going back takes away."""


class BestSteps:
    """Each step that was the best when it was measured, the newest last; the last one is also in ``state``."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._found: deque[tuple[int, float, dict[str, torch.Tensor]]] = deque(maxlen=_KEPT)
        if state.best_step is not None and state.best_loss is not None:
            self._found.append((state.best_step, state.best_loss, state.best_vectors))

    def offer(self, loss: float, vectors: dict[str, torch.Tensor]) -> bool:
        """Keep the state's step and its vectors [vectors, width] if its loss is the best so far; returns whether it
        is."""
        if self._state.best_loss is not None and loss >= self._state.best_loss:
            return False
        self._found.append((self._state.step, loss, vectors))
        self._tell()
        return True

    def go_back(self, step: int) -> None:
        """Forget those after ``step``."""
        while self._found and self._found[-1][0] > step:
            self._found.pop()
        self._tell()

    def _tell(self) -> None:
        best = self._found[-1] if self._found else (None, None, {})
        self._state.best_step, self._state.best_loss, self._state.best_vectors = best
