"""How well a checkpoint obeys: pictures of random captions, read back by the grader.

Only what a caption says is asked of its picture, and captions here say shape, colour, background and position.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from .captions import Mentions, caption
from .grader import Grader, Verdict
from .scene import NAMED_ONLY, Scene, random_scene

FIELDS = ("shape", "colour", "background", "position", "texture", "style")
CORE = ("shape", "colour", "background", "position")
SAID = Mentions(
    shape=1.0, colour=1.0, background=1.0, position=1.0, plain=1.0, striped=1.0, style=1.0, view=0.0, short=0.0
)


@dataclass(frozen=True)
class Report:
    """Share of right pictures for each field, for the four core fields together (`core`) and for all six (`all`)."""

    count: int
    shares: dict[str, float]
    verdicts: list[Verdict]


def evaluation_captions(count: int, seed: int = 777) -> list[tuple[Scene, str]]:
    """`count` random scenes of named things with a caption that says everything about each."""
    pairs = []
    for i in range(count):
        rng = random.Random(f"evaluation {seed} {i}")
        scene = random_scene(rng, NAMED_ONLY)
        pairs.append((scene, caption(scene, rng, SAID)))
    return pairs


def evaluate(paint: Callable[[list[str]], list[Image.Image]], count: int = 200, *, seed: int = 777) -> Report:
    """Paints `count` captions in one call of `paint` and grades the pictures."""
    pairs = evaluation_captions(count, seed)
    verdicts = Grader.load().grade(paint([text for _, text in pairs]))
    right = [
        {field: getattr(verdict, field) == getattr(scene, field) for field in FIELDS}
        for (scene, _), verdict in zip(pairs, verdicts, strict=True)
    ]
    shares = {field: sum(row[field] for row in right) / count for field in FIELDS}
    shares["core"] = sum(all(row[field] for field in CORE) for row in right) / count
    shares["all"] = sum(all(row.values()) for row in right) / count
    return Report(count, shares, verdicts)
