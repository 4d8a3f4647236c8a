"""A running average of the trained vectors."""

from __future__ import annotations

from collections.abc import Mapping

import torch


class VectorAverage:
    """ema = decay * ema + (1 - decay) * current after each step, with the decay raised slowly at the start
    (min(decay, (1 + n) / (10 + n)) as in LDM's LitEma), so that the beginning is not remembered for ever.

    ``decays`` holds the decay of each tensor; 0 is no average at all.
    """

    def __init__(self, vectors: Mapping[str, torch.Tensor], *, decays: Mapping[str, float], updates: int = 0) -> None:
        """Begin with ``vectors``, [vectors, width] by key, as the average."""
        self.decays = dict(decays)
        self.updates = updates
        self.average = {key: rows.detach().clone() for key, rows in vectors.items()}

    @torch.no_grad()
    def update(self, vectors: Mapping[str, torch.Tensor]) -> None:
        """Take in the vectors [vectors, width] after one more step."""
        self.updates += 1
        most = (1 + self.updates) / (10 + self.updates)
        for key, rows in vectors.items():
            self.average[key].lerp_(rows.detach(), 1 - min(self.decays[key], most))
