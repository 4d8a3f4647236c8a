"""Judge an embedding: its 100 pictures, read back by the grader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.embedding.embedding import Vectors
from ..core.model.host import Lease
from ..demo.grader import Grader, Verdict
from .concepts import HiddenConcept, Question, questions
from .painting import USUAL, PaintSettings, paint


@dataclass(frozen=True, kw_only=True)
class Score:
    """Shares of the pictures, 0 to 1. ``concept``: it is the thing; ``obedience``: all else that was asked for is right,
    the style apart; ``both``; ``style``: of those that ask for one, the right style; ``shown``: what the grader sees instead of
    the concept, the field's three most frequent values with their counts."""

    concept: float
    obedience: float
    both: float
    style: float | None
    shown: dict[str, dict[str, int]]


def judge(
    lease: Lease,
    grader: Grader,
    concept: HiddenConcept,
    *,
    stands_for: str,
    embeddings: Mapping[str, Vectors],
    negative: str = "",
    count: int = 100,
    settings: PaintSettings = USUAL,
) -> Score:
    """Paint and grade ``count`` questions with ``stands_for`` (an embedding's name, or words) in the concept's place."""
    asked = questions(concept, count)
    prompts = [question.prompt.format(stands_for) for question in asked]
    seeds = [question.seed for question in asked]
    pictures = paint(lease, prompts, seeds, embeddings=embeddings, negative=negative, settings=settings)
    return score(asked, grader.grade(pictures))


def score(asked: Sequence[Question], verdicts: Sequence[Verdict]) -> Score:
    """Shares of right answers."""
    pairs = list(zip(asked, verdicts, strict=True))
    concept = [_shows(verdict, question.concept) for question, verdict in pairs]
    obedience = [_shows(verdict, question.asked) for question, verdict in pairs]
    styles = [verdict.style == question.style for question, verdict in pairs if question.style is not None]
    return Score(
        concept=_share(concept),
        obedience=_share(obedience),
        both=_share([a and b for a, b in zip(concept, obedience, strict=True)]),
        style=_share(styles) if styles else None,
        shown={
            field: dict(Counter(getattr(verdict, field) for verdict in verdicts).most_common(3))
            for field in asked[0].concept
        },
    )


def _shows(verdict: Verdict, wanted: Mapping[str, str]) -> bool:
    return all(getattr(verdict, field) == value for field, value in wanted.items())


def _share(right: Sequence[bool]) -> float:
    return round(sum(right) / len(right), 4)
