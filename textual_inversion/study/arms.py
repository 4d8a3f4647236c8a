"""The arms of the study: what each one changes. A row of its tables is an arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BUDGET = 1000
"""U-Net evaluations of training pictures that an arm may spend; A1111's settings also get five times as many."""

ALL_SEEDS = (0, 1, 2)
"""Of the arms that the tables lead to; the others are looked through with one."""

A1111: Mapping[str, object] = {"learning_rate": "0.005", "batch_size": 1}
"""A1111's defaults, which are those of ``TrainConfig``."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train. ``budget`` is in pictures; steps are ``budget`` by batch size and accumulation.

    ``judged_at`` are further shares of the budget at which the copy is judged too. ``words``: no training at all, the
    concept's own field of that name (``word``, ``closest``) is used as it stands. ``pictures`` is the size of the training folder.
    """

    name: str
    says: str
    create: Mapping[str, object] = field(default_factory=dict[str, object])
    train: Mapping[str, object] = field(default_factory=dict[str, object])
    budget: int = BUDGET
    judged_at: tuple[float, ...] = ()
    seeds: tuple[int, ...] = (0,)
    words: str | None = None
    pictures: int = 8

    @property
    def batch_size(self) -> int:
        """Pictures in one pass."""
        return int(str(self.train.get("batch_size", 1)))

    @property
    def steps(self) -> int:
        """Optimiser steps that the budget pays."""
        return self.budget // (self.batch_size * int(str(self.train.get("gradient_accumulation", 1))))


def _arm(
    name: str, says: str, *, vectors: int = 1, init: str = "text", seeds: tuple[int, ...] = (0,), **train: object
) -> Arm:
    """A1111's settings with changes."""
    return Arm(name=name, says=says, create={"vectors": vectors, "init": init}, train={**A1111, **train}, seeds=seeds)


def _steady(
    name: str, says: str, *, vectors: int = 2, init: str = "text", seeds: tuple[int, ...] = (0,), **train: object
) -> Arm:
    """Changes of the arm ``batch-4``: 250 steps of four pictures, two vectors."""
    return _arm(name, says, vectors=vectors, init=init, seeds=seeds, **{"batch_size": 4, **train})


OTHER_TRAINER = "a1111-itself"
"""Embeddings that A1111's own trainer made; judged from their files, never trained here."""

ARMS: tuple[Arm, ...] = (
    Arm(name="word", says="the class word, untrained", words="word"),
    Arm(name="closest", says="the closest words, untrained", words="closest"),
    _arm("a1111", "A1111's settings, 1000 steps of one picture, one vector", seeds=ALL_SEEDS),
    Arm(
        name="a1111-5000",
        says="A1111's settings, 5000 steps of one picture, one vector",
        create={"vectors": 1},
        train=A1111,
        budget=5 * BUDGET,
        judged_at=(0.4,),
    ),
    _steady("batch-4", "250 steps of four pictures, two vectors"),
    _steady("1-vector", "one vector", vectors=1),
    _steady("4-vectors", "four vectors", vectors=4),
    _steady("8-vectors", "eight vectors", vectors=8),
    _steady("rate-0.01", "twice the rate", learning_rate="0.01"),
    _steady("rate-0.002", "two fifths of the rate", learning_rate="0.002"),
    _steady("cosine", "rate falling to zero on a cosine", learning_rate="0.005 cosine"),
    _steady("0.01-cosine", "twice the rate, falling to zero on a cosine", learning_rate="0.01 cosine"),
    _steady("stratified", "noise levels spread evenly", timesteps="stratified"),
    _steady("encoded", "begins as the encoder's output for the word", init="encoded"),
    _steady("min-snr", "min-SNR weights, gamma 5", min_snr_gamma=5.0),
    _steady("ema", "EMA of the vectors, 0.97", ema=0.97),
    _steady("clamp", "vectors not longer than 1.5 times the words' mean", norm_rule="clamp"),
    _steady("fixed-norm", "vectors as long as the words' mean", norm_rule="fixed", norm_limit=1.0),
    _steady("prodigy", "prodigy with rate 1", optimizer="prodigy", learning_rate="1"),
    _steady("huber", "Huber loss", loss="huber"),
    _steady("velocity", "loss weighted as an error in v", loss_weighting="velocity"),
    _steady("noisy", "noisy levels more often", timestep_bias="noisy"),
    _steady("direction", "direction only, 0.02 rad", optimizer="direction", learning_rate="0.02"),
    _steady(
        "velocity-8",
        "loss as an error in v, eight vectors, twice the rate on a cosine, noise levels spread evenly",
        vectors=8,
        loss_weighting="velocity",
        learning_rate="0.01 cosine",
        seeds=ALL_SEEDS,
        timesteps="stratified",
    ),
    _steady(
        "noisy-8",
        "the same, but noisy levels more often in place of the weights",
        vectors=8,
        timestep_bias="noisy",
        learning_rate="0.01 cosine",
        timesteps="stratified",
    ),
    Arm(
        name="quick-look",
        says="the same settings with 250 steps of one picture",
        create={"vectors": 8},
        train={"learning_rate": "0.01 cosine", "loss_weighting": "velocity", "timesteps": "stratified"},
        budget=BUDGET // 4,
    ),
    Arm(
        name="one-picture",
        says="the settings of velocity-8, from one picture only",
        create={"vectors": 8},
        train={
            "batch_size": 4,
            "learning_rate": "0.01 cosine",
            "loss_weighting": "velocity",
            "timesteps": "stratified",
        },
        pictures=1,
    ),
    _steady("context-0.01", "context term, weight 0.01", context_weight=0.01),
    _steady("noisy-half", "only the noisier half of the levels", min_timestep=500),
)


def all_names() -> dict[str, str]:
    """What each row of a table is, by name."""
    return {arm.name: arm.says for arm in ARMS} | {OTHER_TRAINER: "A1111's own trainer, its settings"}


def find_arm(name: str) -> Arm:
    """The arm of that name. Raises KeyError."""
    return {arm.name: arm for arm in ARMS}[name]
