"""Events of a run for those who watch it: small records, in order, fit for JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

Outcome = Literal["done", "stopped", "interrupted", "paused", "failed"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events."""

    kind: ClassVar[str] = "event"

    def to_mapping(self) -> dict[str, Any]:
        return {"event": self.kind, **dataclasses.asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Prepared(Event):
    """The plan is made and the model is leased; training is about to begin."""

    kind: ClassVar[str] = "prepared"
    name: str
    run_dir: str
    start_step: int
    total_steps: int
    pictures: int
    vectors: int
    checkpoint: str
    device: str
    negative_vectors: int = 0
    """0 unless a pair is trained."""


@dataclass(frozen=True, kw_only=True)
class Encoding(Event):
    """Pictures are being turned into latents, once."""

    kind: ClassVar[str] = "encoding"
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Stepped(Event):
    """One optimiser step is done. ``step`` is the true number of steps so far; norms are means over the rows.

    ``loss`` is this step's, averaged over its micro-batches; ``smooth_loss`` a running mean. ``vector_norm`` is in units of
    the mean norm of the model's own token table. ``negative_prompt`` is empty unless a pair is trained.
    """

    kind: ClassVar[str] = "step"
    step: int
    total_steps: int
    epoch: int
    epoch_step: int
    loss: float
    smooth_loss: float
    learn_rate: float
    gradient_norm: float
    vector_norm: float
    seconds: float
    eta_seconds: float
    prompt: str
    negative_prompt: str = ""


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """The fixed-batch loss was measured; ``best`` tells whether it is the lowest so far.

    ``gain`` is the share of the loss that the class word leaves which is gone now (below 0: worse than the word); ``drift`` how
    far the words around the embedding have moved from their meaning (``ContextDrift``). None where they cannot be known.
    """

    kind: ClassVar[str] = "evaluated"
    step: int
    loss: float
    best: bool
    gain: float | None = None
    drift: float | None = None


@dataclass(frozen=True, kw_only=True)
class Saved(Event):
    """A file was written. ``what``: copy (of a step), picture (carrying the vectors), state (to resume), final, card
    (the notes or the preview on the finished embedding's card)."""

    kind: ClassVar[str] = "saved"
    step: int
    what: Literal["copy", "picture", "state", "final", "card"]
    path: str


@dataclass(frozen=True, kw_only=True)
class Previewed(Event):
    """A preview was made."""

    kind: ClassVar[str] = "preview"
    step: int
    index: int
    path: str
    prompt: str
    infotext: str


@dataclass(frozen=True, kw_only=True)
class Warned(Event):
    """Something a person should know; the run goes on."""

    kind: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True, kw_only=True)
class RolledBack(Event):
    """The loss or the vectors went bad at ``step``; the run went back to ``to_step`` with a lower rate.

    ``undone`` are files of the steps in between, where they lie now: those steps will be done again, and otherwise.
    """

    kind: ClassVar[str] = "rollback"
    step: int
    to_step: int
    rate_scale: float
    reason: str
    undone: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The last event of a run. ``message`` is the sentence to show; paths are empty where nothing was written.

    ``cause`` tells what a person did elsewhere that ended it: the checkpoint was changed.
    """

    kind: ClassVar[str] = "finished"
    outcome: Outcome
    message: str
    step: int
    best_step: int | None
    embedding: str
    run_dir: str
    files: tuple[str, ...]
    exit_code: int
    cause: Literal["", "checkpoint"] = ""


@dataclass(frozen=True, kw_only=True)
class SheetAdvanced(Event):
    """Of a comparison sheet ``done`` of ``total`` pictures are made, and the next one is begun."""

    kind: ClassVar[str] = "sheet"
    name: str
    done: int
    total: int


Emit = Callable[[Event], None]
