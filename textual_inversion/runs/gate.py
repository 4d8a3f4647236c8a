"""One user of the model at a time, in the order in which they asked."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class FifoGate:
    """A lock that serves those who wait in order, so that a picture is not kept out by run after run.

    Inside a web UI the host's own queue lock takes its place; both are used as ``with gate:``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        turn = threading.Event()
        with self._lock:
            self._queue.append(turn)
            if self._queue[0] is turn:
                turn.set()
        turn.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._queue.popleft()
            if self._queue:
                self._queue[0].set()

    @property
    def taken(self) -> bool:
        with self._lock:
            return bool(self._queue)
