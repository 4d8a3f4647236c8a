"""Choose the pictures of each batch: an endless stream that any step can be looked up in.

Each size group has its own stream, one seeded permutation after another, cut into batches: the tail of one pass and the
head of the next share a batch, so nothing is dropped and every picture comes equally often, also when a batch is larger
than its group. In epoch E a group of n pictures has floor((E + 1) n / B) - floor(E n / B) batches, the number that
became full in it; the groups' batches are mixed in a seeded order.

(A1111 fills up groups by draws with replacement, cuts the batch size to the dataset and drops the last accumulation.)
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from ..base.randomness import permutation


def held_out(pictures: Sequence[Hashable], count: int, *, seed: int) -> list[int]:
    """Draw the items that are kept for measuring: all items of ``count`` pictures, in rising order.

    ``pictures`` has one entry for each item; items with equal entries are one picture (its mirror image, say), which is
    kept or trained as a whole. One picture at least is left to train on.
    """
    distinct = list(dict.fromkeys(pictures))
    drawn = permutation(seed, "hold-out", 0, len(distinct))[: max(0, min(count, len(distinct) - 1))]
    kept = {distinct[place] for place in drawn}
    return [index for index, picture in enumerate(pictures) if picture in kept]


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """A pure function of the seed and the step: a resumed run needs no saved state.

    ``groups`` holds one entry for each picture; only pictures of an equal one can share a batch (a size, say).
    ``repeats`` says how often each picture comes in one epoch, once where it is left out.
    A step is ``accumulation`` micro-batches of ``batch_size`` pictures each.
    """

    groups: Sequence[Hashable]
    batch_size: int
    accumulation: int = 1
    seed: int = 0
    repeats: Sequence[int] | None = None
    _members: Mapping[Hashable, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.accumulation < 1:
            raise ValueError("batch_size and accumulation must be at least 1")
        repeats = self.repeats if self.repeats is not None else [1] * len(self.groups)
        members: dict[Hashable, list[int]] = {}
        for index, (group, times) in enumerate(zip(self.groups, repeats, strict=True)):
            members.setdefault(group, []).extend([index] * times)
        filled = {group: tuple(indices) for group, indices in members.items() if indices}
        if not filled:
            raise ValueError("a batch plan needs at least one picture")
        object.__setattr__(self, "_members", filled)

    @property
    def draws_per_epoch(self) -> int:
        """Pictures in one epoch, repeats counted."""
        return sum(map(len, self._members.values()))

    def batch(self, step: int, micro: int = 0) -> list[int]:
        """The ``batch_size`` picture indices of micro-batch ``micro`` of update ``step``, both counted from 0."""
        if not 0 <= micro < self.accumulation:
            raise ValueError(f"micro-batch {micro} of {self.accumulation}")
        number = step * self.accumulation + micro
        epoch = self._epoch_of_batch(number)
        order = self._group_order(epoch)
        position = number - self._batches_before(epoch)
        which = order[position]
        members = list(self._members.values())[which]
        place = epoch * len(members) // self.batch_size + order[:position].count(which)
        return self._cut(members, which=which, start=place * self.batch_size)

    def epoch_of(self, step: int) -> int:
        """Count how many times the pictures had all been gone through before update ``step``."""
        return step * self.accumulation * self.batch_size // self.draws_per_epoch

    def step_in_epoch(self, step: int) -> int:
        """The place of update ``step`` among those of its epoch, from 0 (the loss table's ``epoch_step``)."""
        first = -(-self.epoch_of(step) * self.draws_per_epoch // (self.batch_size * self.accumulation))
        return step - first

    def warnings(self) -> tuple[str, ...]:
        """A sentence where a batch cannot hold different pictures only."""
        counts = [len(set(members)) for members in self._members.values()]
        small = [count for count in counts if count < self.batch_size]
        if not small:
            return ()
        where = "" if len(counts) == 1 else f" in {len(small)} of {len(counts)} size groups"
        return (
            f"The batch size of {self.batch_size} is larger than the number of pictures{where} ({min(small)}"
            f"{f' to {max(small)}' if max(small) > min(small) else ''}), so batches hold the same picture more than "
            "once. A smaller batch size with gradient accumulation does the same work with less memory.",
        )

    def _batches_before(self, epoch: int) -> int:
        return sum(epoch * len(members) // self.batch_size for members in self._members.values())

    def _epoch_of_batch(self, number: int) -> int:
        """The epoch whose batches include ``number``: the last one with no more batches than that before it."""
        low = number * self.batch_size // self.draws_per_epoch
        # Each group may hold back less than one batch, so the search is over a few epochs only.
        high = (number + len(self._members) + 1) * self.batch_size // self.draws_per_epoch + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._batches_before(middle) <= number else (low, middle)
        return low

    def _group_order(self, epoch: int) -> list[int]:
        sizes = [len(members) for members in self._members.values()]
        batches = [
            which
            for which, size in enumerate(sizes)
            for _ in range((epoch + 1) * size // self.batch_size - epoch * size // self.batch_size)
        ]
        if len(sizes) == 1:
            return batches
        return [batches[index] for index in permutation(self.seed, "group order", epoch, len(batches))]

    def _cut(self, members: Sequence[int], *, which: int, start: int) -> list[int]:
        size = len(members)
        passes = range(start // size, (start + self.batch_size - 1) // size + 1)
        orders = {each: permutation(self.seed, f"picture order {which}", each, size) for each in passes}
        return [members[orders[place // size][place % size]] for place in range(start, start + self.batch_size)]
