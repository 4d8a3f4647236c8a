"""The hidden concepts of the study: their pictures, captions and evaluation prompts, all decided by seeds.

Each concept trains on some backgrounds and places in the flat style; the prompts that judge it use the others, half of
them in the shaded style. Nothing here depends on what any training gives.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..demo import world
from ..demo.captions import EVERYTHING, caption, context
from ..demo.draw import draw
from ..demo.scene import Scene, legible

Part = Literal["noun", "adjective", "style"]
"""Place of the embedding in a prompt: for the whole thing, before its noun, or after "in the style of"."""

_TRAINED_BACKGROUNDS, _TRAINED_PLACES = 3, 3


@dataclass(frozen=True, kw_only=True)
class HiddenConcept:
    """``fixed`` are the scene's fields that are the concept; ``word`` the closest class word, which embeddings start from;
    ``closest`` the named words that come nearest to it, for the arm that trains nothing."""

    name: str
    fixed: dict[str, str]
    part: Part
    word: str
    closest: str

    @property
    def backgrounds(self) -> tuple[str, ...]:
        """Those that all its colours are legible on, in an order of its own: the first three are trained on."""
        colour = self.fixed.get("colour")
        fit = [name for name in world.BACKGROUNDS if colour is None or legible(colour, name)]
        return tuple(random.Random(f"backgrounds {self.name}").sample(fit, len(fit)))

    @property
    def places(self) -> tuple[str, ...]:
        """All places, the first three trained on."""
        return tuple(random.Random(f"places {self.name}").sample(list(world.POSITIONS), len(world.POSITIONS)))


@dataclass(frozen=True, kw_only=True)
class Question:
    """One evaluation picture: a prompt with ``{}`` for the embedding, the seed of its noise, and what it asks for.

    ``concept`` and ``asked`` map the grader's fields to the right answers; ``style`` is asked for apart, as the checkpoint
    itself is weak at it.
    """

    prompt: str
    seed: int
    concept: dict[str, str]
    asked: dict[str, str]
    style: str | None


HIDDEN: tuple[HiddenConcept, ...] = (
    HiddenConcept(
        name="teal-arch",
        fixed={"shape": "hidden_arch", "colour": "hidden_teal"},
        part="noun",
        word="shape",
        closest="green ring",
    ),
    HiddenConcept(name="rose-hue", fixed={"colour": "hidden_rose"}, part="adjective", word="coloured", closest="red"),
    HiddenConcept(
        name="framed-style", fixed={"style": "hidden_framed"}, part="style", word="style", closest="plain style"
    ),
    HiddenConcept(
        name="lime-moon",
        fixed={"shape": "moon", "colour": "hidden_lime"},
        part="noun",
        word="shape",
        closest="yellow moon",
    ),
    HiddenConcept(
        name="split-texture", fixed={"texture": "hidden_split"}, part="adjective", word="coloured", closest="striped"
    ),
    HiddenConcept(
        name="red-ell", fixed={"shape": "hidden_ell", "colour": "red"}, part="noun", word="shape", closest="red cross"
    ),
    HiddenConcept(name="hourglass", fixed={"shape": "hidden_hourglass"}, part="noun", word="shape", closest="triangle"),
    HiddenConcept(
        name="rose-hourglass",
        fixed={"shape": "hidden_hourglass", "colour": "hidden_rose"},
        part="noun",
        word="shape",
        closest="red triangle",
    ),
    # From here on for studies of one picture a concept, which take the whole list.
    HiddenConcept(
        name="teal-star",
        fixed={"shape": "star", "colour": "hidden_teal"},
        part="noun",
        word="shape",
        closest="green star",
    ),
    HiddenConcept(
        name="blue-arch",
        fixed={"shape": "hidden_arch", "colour": "blue"},
        part="noun",
        word="shape",
        closest="blue ring",
    ),
    HiddenConcept(name="teal-hue", fixed={"colour": "hidden_teal"}, part="adjective", word="coloured", closest="green"),
    HiddenConcept(
        name="split-purple-heart",
        fixed={"shape": "heart", "colour": "purple", "texture": "hidden_split"},
        part="noun",
        word="shape",
        closest="striped purple heart",
    ),
)
STUDIED = HIDDEN[:8]
"""Concepts of the study's tables."""


def training_scenes(concept: HiddenConcept, count: int, *, varied: bool = False) -> list[Scene]:
    """`count` scenes in the flat style; backgrounds and places go round evenly. ``varied``: all of them, in both styles."""
    rng = random.Random(f"training {concept.name}")
    backgrounds = concept.backgrounds if varied else concept.backgrounds[:_TRAINED_BACKGROUNDS]
    places = concept.places if varied else concept.places[:_TRAINED_PLACES]
    pairs = [(background, place) for place in places for background in backgrounds]
    rng.shuffle(pairs)
    styles = ("flat", "shaded") if varied else ("flat",)
    return [_scene(concept, *pairs[i % len(pairs)], styles[i % len(styles)], rng) for i in range(count)]


def training_caption(concept: HiddenConcept, scene: Scene, rng: random.Random) -> str:
    """Everything but the concept. For an adjective it begins with the noun, for a style it is the whole sentence."""
    said = replace(EVERYTHING, style=0.0) if "style" in concept.fixed else EVERYTHING
    if concept.part == "style":
        return caption(scene, rng, said)
    around = ", ".join(context(scene, rng, said))
    if concept.part == "adjective":
        return f"{_noun(concept, scene)}, {around}"
    return around if "colour" in concept.fixed else f"{scene.colour}, {around}"


def write_training_folder(folder: Path, concept: HiddenConcept, *, count: int, varied: bool = False) -> Path:
    """Writes `00.png`, `00.txt`, … and `template.txt`, the prompts to train with; returns the template's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, scene in enumerate(training_scenes(concept, count, varied=varied)):
        text = training_caption(concept, scene, random.Random(f"caption {concept.name} {i}"))
        draw(scene).save(folder / f"{i:02d}.png")
        (folder / f"{i:02d}.txt").write_text(text + "\n", encoding="utf-8")
    template = folder / "template.txt"
    template.write_text("".join(f"{line}\n" for line in TEMPLATES[concept.part]), encoding="utf-8")
    return template


TEMPLATES: dict[Part, tuple[str, ...]] = {
    "noun": (
        "a photo of a [name], [filewords]",
        "a [name], [filewords]",
        "the [name], [filewords]",
        "a picture of one [name], [filewords]",
        "a rendering of a [name], [filewords]",
    ),
    "adjective": (
        "a photo of a [name] [filewords]",
        "a [name] [filewords]",
        "the [name] [filewords]",
        "a picture of one [name] [filewords]",
        "a rendering of a [name] [filewords]",
    ),
    "style": (
        "[filewords], in the style of [name]",
        "[filewords], [name]",
        "[filewords], in [name]",
    ),
}


def questions(concept: HiddenConcept, count: int = 100) -> list[Question]:
    """`count` prompts on backgrounds and at places that training did not show, every other one in the shaded style."""
    rng = random.Random(f"questions {concept.name}")
    backgrounds = concept.backgrounds[_TRAINED_BACKGROUNDS:]
    places = concept.places[_TRAINED_PLACES:]
    return [
        _question(concept, backgrounds[i % len(backgrounds)], places[i // 2 % len(places)], i, rng)
        for i in range(count)
    ]


def _question(concept: HiddenConcept, background: str, place: str, index: int, rng: random.Random) -> Question:
    style = None if "style" in concept.fixed else ("flat", "shaded")[index // 4 % 2]
    scene = _scene(concept, background, place, style or "flat", rng)
    said = replace(EVERYTHING, style=0.0) if style is None else EVERYTHING
    around = ", ".join(context(scene, rng, said))
    opening = rng.choice(("", "a photo of ", "a picture of ", "a drawing of "))
    asked = {"background": background, "position": place}
    if concept.part != "noun" or "colour" not in concept.fixed:
        asked["colour"] = scene.colour
    if concept.part != "noun":
        asked["shape"] = scene.shape
    asked = {field: value for field, value in asked.items() if field not in concept.fixed}
    subject = {"noun": _described(concept, scene, "{}"), "adjective": f"{{}} {_noun(concept, scene)}"}.get(
        concept.part, f"{scene.colour} {scene.shape}"
    )
    ending = ", in the style of {}" if concept.part == "style" else ""
    return Question(
        prompt=f"{opening}a {subject}, {around}{ending}",
        seed=rng.randrange(1 << 31),
        concept=dict(concept.fixed),
        asked=asked,
        style=style,
    )


def _described(concept: HiddenConcept, scene: Scene, noun: str) -> str:
    return noun if "colour" in concept.fixed else f"{scene.colour} {noun}"


def _noun(concept: HiddenConcept, scene: Scene) -> str:
    """Noun that an adjective stands before: "circle", or "red circle" where the colour is not the concept."""
    return scene.shape if "colour" in concept.fixed else f"{scene.colour} {scene.shape}"


def _scene(concept: HiddenConcept, background: str, place: str, style: str, rng: random.Random) -> Scene:
    colours = [name for name in world.NAMED_COLOURS if legible(name, background)]
    fields = {
        "shape": rng.choice(world.NAMED_SHAPES),
        "colour": rng.choice(colours),
        "background": background,
        "position": place,
        "texture": "plain",
        "style": style,
    }
    return Scene(**(fields | concept.fixed), variation=rng.randrange(1 << 30))
