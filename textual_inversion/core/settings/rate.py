"""Meaning of a learning-rate text at each step.

The pieces are A1111's (``0.1:500, 0.01:1000, 0.001``), each with a shape of its own if wanted
(``5e-3 cosine``, ``5e-3 linear 1e-4:500, 1e-4``), and a warm-up in front (``warmup:5%, 5e-3``).
``schedule.py`` reads them from text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Shape = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One piece: ``rate`` from step ``start`` on, on its way to ``final``, which step ``end`` would have."""

    start: int
    end: int
    rate: float
    final: float
    shape: Shape = "constant"

    def rate_at(self, step: int) -> float:
        """The rate of update ``step``; the segment's own last rate for any later step."""
        if self.shape == "constant":
            return self.rate
        last = max(self.start, self.end - 1)
        progress = (min(max(step, self.start), last) - self.start) / max(1, self.end - self.start)
        if self.shape == "cosine":
            progress = (1 - math.cos(math.pi * progress)) / 2
        return self.rate + (self.final - self.rate) * progress


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Rates for the updates 0 to ``total_steps - 1``. Steps are absolute, so a resumed run needs nothing else."""

    segments: tuple[Segment, ...]
    total_steps: int
    warmup: int = 0

    @property
    def end(self) -> int:
        """The number of updates that the text covers: ``total_steps``, or less where its last STEP comes before."""
        return self.segments[-1].end

    @property
    def stops_early(self) -> bool:
        """True where training ends at ``end``, as in A1111, because the text says nothing about later steps."""
        return self.end < self.total_steps

    def rate_at(self, step: int) -> float:
        """The rate of update ``step``, counted from 0; from ``end`` on the last rate.

        During a warm-up of W updates it is multiplied by (step + 1) / W.
        """
        segment = next((each for each in self.segments if step < each.end), self.segments[-1])
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return segment.rate_at(step) * warm

    def stop_sentence(self) -> str | None:
        """Sentence for a person whose text ends before the run does; None where it does not."""
        if not self.stops_early:
            return None
        return (
            f"The learning rate text ends at step {self.end}, so training stops there and not at step "
            f"{self.total_steps}. Leave the last :STEP out to go on."
        )
