"""Bytes held on the device at every moment, and what they were for."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

UNLABELLED = "other"
_LEFT_OUT = (str(Path(__file__).parent), "/torch/")


@dataclass(slots=True, eq=False)
class Block:
    """A piece of memory. ``size`` in bytes; ``place``: the calls that asked for it, the innermost first (where they are recorded)."""

    size: int
    label: str
    place: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The blocks held after the first ``number`` events of a record."""

    number: int
    blocks: tuple[Block, ...]

    @property
    def held(self) -> int:
        """Bytes."""
        return sum(block.size for block in self.blocks)

    def by_label(self) -> dict[str, int]:
        """Bytes under each label, the most first."""
        return self._by(lambda block: block.label)

    def by_place(self, depth: int = 1) -> dict[str, int]:
        """Bytes by the ``depth`` innermost calls that asked for them, the most first."""
        return self._by(lambda block: " < ".join(block.place[:depth]))

    def _by(self, key: Callable[[Block], str]) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for block in self.blocks:
            sums[key(block)] += block.size
        return dict(sums.most_common())


@dataclass(kw_only=True)
class Record:
    """Every block taken (True) and given back (False) for a while; ``start`` is what was held before."""

    start: tuple[Block, ...]
    events: list[tuple[Block, bool]] = field(default_factory=list)

    def sizes(self) -> Iterator[int]:
        """Bytes held in the beginning, and after each event."""
        held = sum(block.size for block in self.start)
        yield held
        for block, taken in self.events:
            held += block.size if taken else -block.size
            yield held

    def moment(self, number: int) -> Moment:
        """After ``number`` events."""
        held = dict.fromkeys(self.start)
        for block, taken in self.events[:number]:
            if taken:
                held[block] = None
            else:
                held.pop(block, None)
        return Moment(number=number, blocks=tuple(held))

    def peak(self) -> Moment:
        """The first moment at which the most was held."""
        sizes = list(self.sizes())
        return self.moment(sizes.index(max(sizes)))


class Ledger:
    """Counts what is held, in all threads: a backward pass runs in one of its own."""

    def __init__(self) -> None:
        self.held = self.peak = 0
        self._alive: dict[Block, None] = {}
        self._labels = [UNLABELLED]
        self._record: Record | None = None
        self._depth = 0
        self._lock = threading.RLock()  # a collection of garbage amid an allocation gives blocks back

    def allocate(self, size: int) -> Block:
        """Take ``size`` bytes under the present label."""
        block = Block(size, self._labels[-1], _place(self._depth) if self._depth else ())
        with self._lock:
            self._alive[block] = None
            self.held += size
            self.peak = max(self.peak, self.held)
            if self._record is not None:
                self._record.events.append((block, True))
        return block

    def free(self, block: Block) -> None:
        """Give a block back."""
        with self._lock:
            self._alive.pop(block, None)
            self.held -= block.size
            if self._record is not None:
                self._record.events.append((block, False))

    def reset_peak(self) -> None:
        """Let ``peak`` begin anew."""
        self.peak = self.held

    def now(self) -> Moment:
        """The blocks held at this moment."""
        with self._lock:
            return Moment(number=0, blocks=tuple(self._alive))

    @contextmanager
    def label(self, name: str) -> Iterator[None]:
        """Inside, whatever is taken stands under ``name``, in all threads; the innermost label counts."""
        self._labels.append(name)
        try:
            yield
        finally:
            self._labels.pop()

    @contextmanager
    def recording(self, *, depth: int = 0) -> Iterator[Record]:
        """Inside, every event is kept; with ``depth`` also that many calls of each, without those of torch and of the device.

        In a backward pass there are none to see but those of blocks that are computed again.
        """
        before = self._record, self._depth
        with self._lock:
            record = Record(start=tuple(self._alive))
            self._record, self._depth = record, depth
        try:
            yield record
        finally:
            self._record, self._depth = before


def _place(depth: int) -> tuple[str, ...]:
    """The calls on the way here: ``models/unet.py:12 forward``."""
    frame, calls = sys._getframe(1), []
    while frame is not None and len(calls) < depth:
        name = frame.f_code.co_filename
        if not any(part in name for part in _LEFT_OUT):
            calls.append(f"{'/'.join(Path(name).parts[-2:])}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return tuple(calls)
