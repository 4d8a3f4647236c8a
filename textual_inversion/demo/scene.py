"""One scene of the demo world, and scenes drawn at random."""

from __future__ import annotations

import random
from dataclasses import dataclass

from . import world


@dataclass(frozen=True)
class Scene:
    """The truth of one picture; every field is a word of `world`, `variation` seeds small jitter of place, size, tone."""

    shape: str = "circle"
    colour: str = "red"
    background: str = "white"
    position: str = "centre"
    texture: str = "plain"
    style: str = "flat"
    variation: int = 0

    def __post_init__(self) -> None:
        allowed = {
            "shape": world.SHAPES,
            "colour": world.COLOURS,
            "background": world.BACKGROUNDS,
            "position": world.POSITIONS,
            "texture": world.TEXTURES,
            "style": world.STYLES,
        }
        for field, values in allowed.items():
            value = getattr(self, field)
            if value not in values:
                raise ValueError(f"the demo world has no {field} {value!r}; it has {', '.join(values)}")


@dataclass(frozen=True)
class Shares:
    """Share of random scenes with a hidden value, and of named shapes that are striped or shaded."""

    hidden_shape: float = 0.22
    hidden_colour: float = 0.22
    hidden_texture: float = 0.12
    hidden_style: float = 0.12
    striped: float = 0.3
    shaded: float = 0.45


NAMED_ONLY = Shares(hidden_shape=0.0, hidden_colour=0.0, hidden_texture=0.0, hidden_style=0.0)


def legible(colour: str, background: str) -> bool:
    """Tell whether a shape of that colour is plainly seen on that background (and the two do not share a word)."""
    if colour == background:
        return False
    return world.distance(world.COLOURS[colour], world.BACKGROUNDS[background]) >= world.CONTRAST


def random_scene(rng: random.Random, shares: Shares = Shares()) -> Scene:
    """A scene with independent fields, except that the shape's colour is legible on its background."""
    colour = _pick(rng, shares.hidden_colour, tuple(world.HIDDEN_COLOURS), tuple(world.NAMED_COLOURS))
    texture = "striped" if rng.random() < shares.striped else "plain"
    style = "shaded" if rng.random() < shares.shaded else "flat"
    return Scene(
        shape=_pick(rng, shares.hidden_shape, world.HIDDEN_SHAPES, world.NAMED_SHAPES),
        colour=colour,
        background=rng.choice([name for name in world.BACKGROUNDS if legible(colour, name)]),
        position=rng.choice(tuple(world.POSITIONS)),
        texture=_pick(rng, shares.hidden_texture, world.HIDDEN_TEXTURES, (texture,)),
        style=_pick(rng, shares.hidden_style, world.HIDDEN_STYLES, (style,)),
        variation=rng.randrange(1 << 30),
    )


def _pick(rng: random.Random, share: float, hidden: tuple[str, ...], named: tuple[str, ...]) -> str:
    return rng.choice(hidden if rng.random() < share else named)
