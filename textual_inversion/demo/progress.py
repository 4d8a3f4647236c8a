"""One line of a training log: step, loss, learning rate, step time and the time left."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field


def cosine(step: int, *, steps: int, peak: float, warm_up: int = 100, floor: float = 0.01) -> float:
    """Learning rate of 0-based `step`: linear warm-up, then a cosine down to `floor` times the peak."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    share = (step - warm_up) / max(1, steps - warm_up)
    return peak * (floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share))))


@dataclass
class Progress:
    """Prints the mean loss every `every` steps."""

    stage: str
    steps: int
    every: int = 50
    _losses: list[float] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    def step(self, done: int, loss: float, rate: float) -> None:
        """Notes the loss of one step; `done` counts it."""
        self._losses.append(loss)
        if done % self.every and done != self.steps:
            return
        now = time.monotonic()
        each = (now - self._since) / len(self._losses)
        left = int(each * (self.steps - done))
        mean = sum(self._losses) / len(self._losses)
        sys.stderr.write(
            f"{time.strftime('%H:%M:%S')} {self.stage} {done}/{self.steps} loss {mean:.5f} rate {rate:.2e} "
            f"{each:.3f} s/step, {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left\n"
        )
        sys.stderr.flush()
        self._losses.clear()
        self._since = now
