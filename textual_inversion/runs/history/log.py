"""The events of one run, kept for those who come to watch later.

A run of 100 000 steps makes as many step events. The newest are kept whole; of the older ones every second, fourth, eighth …
remains, evenly over the whole run, so that memory stays flat and curves keep their shape.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from ...core.record.events import Event

RECENT = 256
"""Newest events of a kind that are kept whole."""

HISTORY = 1024
"""Older events of a kind are thinned to at most this many."""

_LATEST_ONLY = ("encoding", "saved state")
"""Kinds of which only the newest tells anything."""

Numbered = tuple[int, dict[str, Any]]


class EventLog:
    """Numbers events from 1 and hands out those after a number. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tracks: dict[str, _Track] = {}
        self._last = 0

    @property
    def last(self) -> int:
        """The number of the newest event; 0 before the first."""
        return self._last

    def append(self, event: Event) -> int:
        record = event.to_mapping()
        with self._lock:
            self._last += 1
            self._track(_kind(record)).append((self._last, {**record, "number": self._last}))
            return self._last

    def after(self, number: int, *, limit: int) -> tuple[list[dict[str, Any]], bool]:
        """At most ``limit`` events numbered above ``number``, oldest first, and whether there are more."""
        with self._lock:
            items = (item for track in self._tracks.values() for item in track if item[0] > number)
            found = sorted(items, key=itemgetter(0))
        return [record for _, record in found[:limit]], len(found) > limit

    def get(self, number: int) -> dict[str, Any] | None:
        """One event by number, or None where there is none or it was thinned out."""
        with self._lock:
            return next((record for track in self._tracks.values() for n, record in track if n == number), None)

    def __len__(self) -> int:
        with self._lock:
            return sum(len(track) for track in self._tracks.values())

    def _track(self, kind: str) -> _Track:
        if kind not in self._tracks:
            self._tracks[kind] = _Track(recent=1, history=0) if kind in _LATEST_ONLY else _Track()
        return self._tracks[kind]


class _Track:
    """Events of one kind: the newest whole, the older evenly thinned."""

    def __init__(self, *, recent: int = RECENT, history: int = HISTORY) -> None:
        self._recent: deque[Numbered] = deque()
        self._history: list[Numbered] = []
        self._keep_recent, self._keep_history = recent, history
        self._stride, self._passed = 1, 0

    def append(self, item: Numbered) -> None:
        self._recent.append(item)
        if len(self._recent) > self._keep_recent:
            self._retire(self._recent.popleft())

    def _retire(self, item: Numbered) -> None:
        if self._keep_history and self._passed % self._stride == 0:
            self._history.append(item)
        self._passed += 1
        if len(self._history) > self._keep_history:
            self._history = self._history[::2]
            self._stride *= 2

    def __iter__(self) -> Iterator[Numbered]:
        yield from self._history
        yield from self._recent

    def __len__(self) -> int:
        return len(self._history) + len(self._recent)


def _kind(record: dict[str, Any]) -> str:
    return "saved state" if record["event"] == "saved" and record.get("what") == "state" else str(record["event"])
