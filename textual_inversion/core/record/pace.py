"""Pace of a run, and the time that remains."""

from __future__ import annotations

import time
from collections import deque

_REMEMBERED = 50


class Pace:
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
