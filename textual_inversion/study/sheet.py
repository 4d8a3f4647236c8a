"""One picture that shows what the numbers mean: each hidden concept, and what some arms draw for the same prompt and seed."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ..core.base.errors import InputError
from ..core.model.host import Lease
from ..core.pictures.grid import comparison_sheet
from ..demo.draw import draw
from .arms import find_arm
from .concepts import STUDIED, HiddenConcept, questions, training_scenes
from .painting import paint
from .training import left_by

SHOWN = ("a1111-5000", "subject", "varied")
_TILE = (112, 112)
_QUESTIONS = (0, 5)
"""Of each concept's hundred: one in the flat and one in the shaded style."""


def study_sheet(lease: Lease, work: Path) -> Image.Image:
    """A row a concept; what has not been trained in ``work`` stays grey."""
    pictures: dict[tuple[int, int], Image.Image] = {}
    for row, concept in enumerate(STUDIED):
        pictures[row, 0] = draw(training_scenes(concept, 1)[0])
        drawn = [_untrained(lease, concept), *(_trained(lease, concept, arm, work) for arm in SHOWN)]
        for place, some in enumerate(drawn):
            pictures |= {(row, 1 + place * len(_QUESTIONS) + each): picture for each, picture in enumerate(some)}
    labels = [label for name in ("the word", *SHOWN) for label in (name, *[""] * (len(_QUESTIONS) - 1))]
    return comparison_sheet(
        title="A training picture of each hidden concept, and two of its questions: the same prompts and seeds for all",
        rows=[concept.name for concept in STUDIED],
        columns=["training", *labels],
        pictures=pictures,
        tile=_TILE,
    )


def _untrained(lease: Lease, concept: HiddenConcept) -> list[Image.Image]:
    asked = [questions(concept)[index] for index in _QUESTIONS]
    return paint(
        lease, [each.prompt.format(concept.word) for each in asked], [each.seed for each in asked], embeddings={}
    )


def _trained(lease: Lease, concept: HiddenConcept, arm: str, work: Path) -> list[Image.Image]:
    try:
        trained = left_by(find_arm(arm), concept, 0, work=work)
    except InputError:
        return []
    asked = [questions(concept)[index] for index in _QUESTIONS]
    embeddings = trained.kept[trained.step].named("zq000")
    return paint(
        lease, [each.prompt.format("zq000") for each in asked], [each.seed for each in asked], embeddings=embeddings
    )
