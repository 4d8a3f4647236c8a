"""Advice from the losses on whether it is worth going on, in sentences.

Two rules that guides for AUTOMATIC1111 give: results are seldom good while the loss stays above 0.3, and a loss that has not
fallen for ten epochs will hardly fall any more. An epoch is once through the pictures, as there. The fixed-batch loss is used
where it is measured; the loss of single steps is mostly noise, so otherwise their running mean over about fifty.

For pairs (APT) the DreamArtist mini-guide says: above 0.2 it fails, good ones settle below 0.15. That is the whole loss, with the
reconstruction's part, which the fixed-batch loss leaves out; so there the running mean counts.
"""

from __future__ import annotations

from functools import singledispatchmethod

from ...core.record.events import Evaluated, Event, Prepared, RolledBack, Stepped

HIGH_LOSS = 0.3
HIGH_PAIR_LOSS, GOOD_PAIR_LOSS = 0.2, 0.15
PATIENCE_EPOCHS = 10
_LEAST_STEPS = 200
"""With few pictures ten epochs are soon over: so many steps have to have passed as well."""
_LEAST_EVALUATIONS = 3
_LEAST_FALL = 0.002
"""A fall by a smaller part of the loss is none."""


class Advice:
    """Takes in the events of one run, in order."""

    def __init__(self) -> None:
        self._step = self._epoch = self._first_step = 0
        self._smooth, self._fixed = _Lowest(), _Lowest()
        self._pair = False

    @property
    def _measure(self) -> _Lowest:
        return self._fixed if self._fixed.seen else self._smooth

    def sentences(self) -> list[str]:
        """At most one for each rule."""
        if self._step - self._first_step < _LEAST_STEPS:
            return []
        return [text for text in (self._too_high(), self._not_falling()) if text]

    def _too_high(self) -> str:
        if self._pair:
            return self._too_high_for_a_pair()
        loss = self._measure.newest
        if self._epoch < PATIENCE_EPOCHS or loss <= HIGH_LOSS or self._measure.value <= HIGH_LOSS:
            return ""
        return (
            f"The loss stays above {HIGH_LOSS} ({loss:.3f} now). Such embeddings are seldom good: look at the previews, "
            "and whether the captions leave out what is to be learned; fewer and clearer pictures can help more than steps."
        )

    def _too_high_for_a_pair(self) -> str:
        loss = self._smooth.newest
        if not self._smooth.seen or min(loss, self._smooth.value) <= HIGH_PAIR_LOSS:
            return ""
        return (
            f"The loss stays above {HIGH_PAIR_LOSS} ({loss:.3f} now). Such pairs seldom become good; it should settle below "
            f"{GOOD_PAIR_LOSS}. Take one clean picture before a plain background, or crop the background away."
        )

    def _not_falling(self) -> str:
        low = self._measure
        epochs, steps = self._epoch - low.epoch, self._step - low.step
        if epochs < PATIENCE_EPOCHS or steps < _LEAST_STEPS or (low is self._fixed and low.since < _LEAST_EVALUATIONS):
            return ""
        return (
            f"The loss has not fallen for {epochs} epochs (lowest: {low.value:.4f} at step {low.step}). More steps will "
            "hardly help: compare the previews and use the best one, or continue from it with a lower learning rate."
        )

    @singledispatchmethod
    def update(self, event: Event) -> None:
        """Take in one event; most change nothing here."""

    @update.register
    def _(self, event: Prepared) -> None:
        self._first_step, self._pair = event.start_step, event.negative_vectors > 0
        self._back_to(event.start_step)

    @update.register
    def _(self, event: Stepped) -> None:
        self._step, self._epoch = event.step, event.epoch
        if event.step - self._first_step > 50:  # the running mean begins with a single step's loss
            self._smooth.add(event.smooth_loss, step=event.step, epoch=event.epoch)

    @update.register
    def _(self, event: Evaluated) -> None:
        self._fixed.add(event.loss, step=event.step, epoch=self._epoch)

    @update.register
    def _(self, event: RolledBack) -> None:
        self._back_to(event.to_step)

    def _back_to(self, step: int) -> None:
        """Steps that were taken back count for nothing; what was lowest before them is not known any more."""
        for low in (self._smooth, self._fixed):
            if low.step > step:
                low.forget()


class _Lowest:
    """The lowest loss so far, when that was, and how many were measured ``since``."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.seen, self.value, self.newest = False, float("inf"), float("inf")
        self.step = self.epoch = self.since = 0

    def add(self, loss: float, *, step: int, epoch: int) -> None:
        self.newest, self.since = loss, self.since + 1
        if not self.seen or loss < self.value * (1 - _LEAST_FALL):
            self.seen, self.value, self.step, self.epoch, self.since = True, loss, step, epoch, 0
