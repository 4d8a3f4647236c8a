"""The arms of the study: what each one changes."""

from __future__ import annotations

from collections.abc import Mapping

from .arm import A1111, BUDGET, Arm
from .pair_arms import PAIR_ARMS


def _steady(name: str, says: str, *, vectors: int = 2, init: str = "text", **train: object) -> Arm:
    """Changes of the arm ``batch-4``: 250 steps of four pictures, two vectors."""
    return Arm(
        name=name,
        says=says,
        create={"vectors": vectors, "init": init},
        train={**A1111, "batch_size": 4, **train},
    )


BEST: Mapping[str, object] = {
    "batch_size": 4,
    "learning_rate": "0.01 cosine",
    "loss_weighting": "velocity",
    "timesteps": "stratified",
}
"""Settings that the presets rest on, with eight vectors."""


def _best(
    name: str,
    says: str,
    *,
    vectors: int = 8,
    init: str = "text",
    budget: int = BUDGET,
    pictures: int = 8,
    varied: bool = False,
    judged_at: tuple[float, ...] = (),
    **train: object,
) -> Arm:
    """Changes of the arm ``velocity-8``."""
    return Arm(
        name=name,
        says=says,
        create={"vectors": vectors, "init": init},
        train={**BEST, **train},
        budget=budget,
        pictures=pictures,
        varied=varied,
        judged_at=judged_at,
    )


OTHER_TRAINER = "a1111-itself"
"""Embeddings that A1111's own trainer made; judged from their files, never trained here."""

ARMS: tuple[Arm, ...] = (
    Arm(name="word", says="the class word, untrained", words="word"),
    Arm(name="closest", says="the closest words, untrained", words="closest"),
    Arm(
        name="a1111",
        says="A1111's settings, 1000 steps of one picture, one vector",
        create={"vectors": 1},
        train=A1111,
    ),
    Arm(
        name="a1111-5000",
        says="A1111's settings, 5000 steps of one picture, one vector",
        create={"vectors": 1},
        train=A1111,
        budget=5 * BUDGET,
    ),
    _steady("batch-4", "250 steps of four pictures, two vectors"),
    _steady("1-vector", "one vector", vectors=1),
    _steady("4-vectors", "four vectors", vectors=4),
    _steady("8-vectors", "eight vectors", vectors=8),
    _steady("0.01-cosine", "twice the rate, falling to zero on a cosine", learning_rate="0.01 cosine"),
    _steady("stratified", "noise levels spread evenly", timesteps="stratified"),
    _steady("encoded", "begins as the encoder's output for the word", init="encoded"),
    _steady("min-snr", "min-SNR weights, gamma 5", min_snr_gamma=5.0),
    _steady("ema", "EMA of the vectors, 0.97", ema=0.97),
    _steady("clamp", "vectors not longer than 1.5 times the words' mean", norm_rule="clamp"),
    _steady("fixed-norm", "vectors as long as the words' mean", norm_rule="fixed", norm_limit=1.0),
    _steady("prodigy", "prodigy with rate 1", optimizer="prodigy", learning_rate="1"),
    _steady("direction", "direction only, 0.02 rad", optimizer="direction", learning_rate="0.02"),
    _steady("context-0.01", "context term, weight 0.01", context_weight=0.01),
    _steady("velocity", "loss weighted as an error in v", loss_weighting="velocity"),
    _best("velocity-8", "loss as an error in v, eight vectors, twice the rate on a cosine, noise levels spread evenly"),
    _best("velocity-8-constant", "the same at the constant rate 0.005", learning_rate="0.005"),
    _best("velocity-8-uniform", "the same, noise levels at random", timesteps="uniform"),
    _best("velocity-2", "the same with two vectors", vectors=2),
    _best("velocity-8-context", "the same with the context term, weight 0.3", context_weight=0.3),
    _best(
        "noisy-8",
        "the same, but noisy levels more often in place of the weights",
        timestep_bias="noisy",
        loss_weighting="none",
    ),
    Arm(
        name="quick-look",
        says="the settings of velocity-8 with 250 steps of one picture",
        create={"vectors": 8},
        train={**BEST, "batch_size": 1},
        budget=BUDGET // 4,
    ),
    _best("subject", "the preset Subject: the settings of velocity-8, 500 steps of four pictures", budget=2 * BUDGET),
    _best("subject-constant", "the same at the constant rate 0.005", budget=2 * BUDGET, learning_rate="0.005"),
    _best("one-picture", "the settings of velocity-8, from one picture only", pictures=1),
    _best(
        "velocity-8-long",
        "the settings of velocity-8, 1000 steps of four pictures",
        budget=4 * BUDGET,
        judged_at=(0.125, 0.25, 0.5, 0.75),
    ),
    _best(
        "varied",
        "the same from 20 pictures that show every background, place and style (the questions' too)",
        budget=4 * BUDGET,
        pictures=20,
        varied=True,
    ),
    Arm(
        name="a1111-varied",
        says="A1111's settings with those 20 pictures, 4000 steps",
        create={"vectors": 1},
        train=A1111,
        budget=4 * BUDGET,
        pictures=20,
        varied=True,
    ),
)


def all_names() -> dict[str, str]:
    """Titles of the rows in the tables about several pictures, by name."""
    return {arm.name: arm.says for arm in ARMS} | {OTHER_TRAINER: "A1111's own trainer, its settings"}


def pair_names() -> dict[str, str]:
    """Titles of the rows in the tables about one picture, by name."""
    return {arm.name: arm.says for arm in PAIR_ARMS}


def find_arm(name: str) -> Arm:
    """The arm of that name. Raises KeyError."""
    return {arm.name: arm for arm in (*ARMS, *PAIR_ARMS)}[name]
