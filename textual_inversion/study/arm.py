"""An arm of the study: one way to train. A row of its tables is an arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .concepts import STUDIED, HiddenConcept

BUDGET = 1000
"""U-Net evaluations of training pictures that an arm may spend; some are also followed further."""

ALL_SEEDS = (0, 1, 2)

A1111: Mapping[str, object] = {"learning_rate": "0.005", "batch_size": 1}
"""A1111's defaults, which are those of ``TrainConfig``."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train. ``budget`` is in evaluations of the U-Net; a pair needs two for a picture.

    ``judged_at`` are further shares of the budget at which the copy is judged too. ``words``: no training at all, the
    concept's own field of that name (``word``, ``closest``) is used as it stands. ``of``: none either, what that arm left in the
    work folder is judged once more, by this arm's guidance scale and, where ``alone`` says so, without a pair's negative half. ``pictures`` is the size of the training folder,
    ``varied`` shows every background, place and style in it, those of the questions too. ``guidance_scale`` is what its pictures
    are judged with.
    """

    name: str
    says: str
    create: Mapping[str, object] = field(default_factory=dict[str, object])
    train: Mapping[str, object] = field(default_factory=dict[str, object])
    budget: int = BUDGET
    judged_at: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ALL_SEEDS
    words: str | None = None
    of: str | None = None
    alone: bool = False
    pictures: int = 8
    varied: bool = False
    guidance_scale: float = 5.0
    concepts: tuple[HiddenConcept, ...] = STUDIED

    @property
    def trains(self) -> bool:
        """Tell whether it makes embeddings of its own."""
        return self.words is None and self.of is None

    @property
    def pair(self) -> bool:
        """Tell whether it trains a positive and a negative embedding together."""
        return bool(self.train.get("apt", False))

    @property
    def pass_size(self) -> int:
        """Evaluations in one pass of the U-Net."""
        return int(str(self.train.get("batch_size", 1))) * (2 if self.pair else 1)

    @property
    def step_size(self) -> int:
        """Evaluations in one step of the optimiser."""
        return self.pass_size * int(str(self.train.get("gradient_accumulation", 1)))

    @property
    def steps(self) -> int:
        """Optimiser steps that the budget pays."""
        return self.budget // self.step_size
