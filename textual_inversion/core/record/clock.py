"""A run's clock: what is due after a step, and how long the rest takes."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from ..settings.train_config import TrainConfig

_REMEMBERED = 50


@dataclass(frozen=True, kw_only=True)
class TrainingClock:
    """Tells what is due after a step, counted from 1. What is measured and tabled is so after the last step too."""

    config: TrainConfig
    end_step: int

    def measures(self, step: int) -> bool:
        """True where the fixed batch is measured."""
        every = self.config.evaluate_every
        return every > 0 and (_due(step, every) or step >= self.end_step)

    def tables(self, step: int) -> bool:
        """True where the loss table gets a row even without a measurement."""
        return _due(step, self.config.csv_every) or step >= self.end_step

    def copies(self, step: int) -> bool:
        """True where the vectors are copied to the run's folder."""
        return _due(step, self.config.save_every)

    def previews(self, step: int) -> bool:
        """True where previews are made."""
        return _due(step, self.config.image_every)


class RemainingTime:
    """The time of recent steps, pauses for previews and evaluations included in the estimate of what is left."""

    def __init__(self) -> None:
        self._marks: deque[float] = deque([time.monotonic()], maxlen=_REMEMBERED + 1)

    def tick(self) -> float:
        """Note a finished step; the seconds since the one before."""
        now = time.monotonic()
        seconds = now - self._marks[-1]
        self._marks.append(now)
        return seconds

    def left(self, steps: int) -> float:
        """Seconds for so many more steps."""
        done = len(self._marks) - 1
        return steps * (self._marks[-1] - self._marks[0]) / done if done else 0.0


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
