"""Training folders of hidden concepts: pictures of a thing that no word of the demo checkpoint names.

The captions tell everything *but* the concept ("on a blue background, at the left"), as a person would caption them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import world
from .captions import EVERYTHING, context
from .draw import draw
from .scene import Scene, legible


@dataclass(frozen=True)
class Concept:
    """Scene fields that are always the same (`fixed`), the best class word for it, and what the pictures vary over."""

    name: str
    fixed: dict[str, str]
    init_text: str = "thing"
    backgrounds: tuple[str, ...] = ("white", "grey", "blue", "yellow")
    positions: tuple[str, ...] = tuple(world.POSITIONS)
    styles: tuple[str, ...] = ("flat",)
    textures: tuple[str, ...] = field(default=("plain",))


DEMO_CONCEPT = Concept("demo-concept", {"shape": "heart", "colour": "hidden_rose"}, init_text="shape")
"""Concept that `--demo` teaches: a heart in a hue that no word names. It is learned in 300 steps; an unnamed shape wants more."""


def concept_scenes(concept: Concept, count: int = 8, seed: int = 0) -> list[Scene]:
    """`count` scenes; backgrounds and positions go round evenly, in an order drawn from the seed."""
    rng = random.Random(f"concept {concept.name} {seed}")
    backgrounds = [name for name in concept.backgrounds if legible(concept.fixed.get("colour", "red"), name)]
    places = list(concept.positions)
    rng.shuffle(backgrounds)
    rng.shuffle(places)
    return [_scene(concept, backgrounds[i % len(backgrounds)], places[i % len(places)], rng) for i in range(count)]


def write_concept(folder: Path, concept: Concept = DEMO_CONCEPT, *, count: int = 8, seed: int = 0) -> list[Path]:
    """Writes `00.png`, `00.txt`, … into `folder` (made where missing) and returns the pictures' paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, scene in enumerate(concept_scenes(concept, count, seed)):
        path = folder / f"{i:02d}.png"
        draw(scene).save(path)
        path.with_suffix(".txt").write_text(concept_caption(concept, scene, seed=seed + i) + "\n", encoding="utf-8")
        paths.append(path)
    return paths


def concept_caption(concept: Concept, scene: Scene, *, seed: int) -> str:
    """Describe what the picture shows beside the concept: "on a blue background, at the left, flat style"."""
    shown = replace(EVERYTHING, style=0.0) if "style" in concept.fixed else EVERYTHING
    return ", ".join(context(scene, random.Random(f"concept caption {concept.name} {seed}"), shown))


def _scene(concept: Concept, background: str, position: str, rng: random.Random) -> Scene:
    colours = [name for name in world.NAMED_COLOURS if legible(name, background)]
    fields = {
        "shape": rng.choice(world.NAMED_SHAPES),
        "colour": rng.choice(colours),
        "background": background,
        "position": position,
        "texture": rng.choice(concept.textures),
        "style": rng.choice(concept.styles),
    }
    return Scene(**(fields | concept.fixed), variation=rng.randrange(1 << 30))
