"""Pictures of scenes: four times supersampled, the same for the same scene on every machine.

Shapes are large and textures coarse, because a factor-8 VAE leaves 8x8x4 numbers of a picture.
"""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageDraw

from . import world
from .scene import Scene

SCALE = 4
Point = tuple[float, float]


def draw(scene: Scene) -> Image.Image:
    """The RGB picture of `scene`, 64x64 pixels."""
    rng = random.Random(scene.variation)
    middle, radius = _place(scene, rng)
    colour = _jitter(world.COLOURS[scene.colour], rng)
    background = _jitter(world.BACKGROUNDS[scene.background], rng)

    mask = np.asarray(_mask(scene.shape, middle, radius), dtype=np.float32)[..., None] / 255.0
    x, y = _coordinates(middle, radius)
    second = _second_tone(colour)
    fill = np.where(_second(scene.texture, x, y)[..., None], np.float32(second), np.float32(colour))
    if scene.style == "shaded":
        fill = _shade(fill, x, y)
    picture = fill * mask + np.asarray(background, dtype=np.float32) * (1.0 - mask)
    if scene.style == "hidden_framed":
        picture = _frame(picture)
    image = Image.fromarray(np.clip(picture + 0.5, 0, 255).astype(np.uint8), "RGB")
    return image.resize((world.SIZE, world.SIZE), Image.Resampling.BOX)


def occupancy(scene: Scene) -> np.ndarray:
    """(8, 8) float32: how much of each of a VAE's cells the shape covers, 0 to 1."""
    mask = _mask(scene.shape, *_place(scene, random.Random(scene.variation)))
    return np.asarray(mask.reduce(8 * SCALE), dtype=np.float32) / 255.0


def _place(scene: Scene, rng: random.Random) -> tuple[Point, float]:
    """Middle and radius of the shape in pixels, with a little jitter."""
    radius = 17.0 + rng.uniform(-1.0, 1.0)
    dx, dy = world.POSITIONS[scene.position]
    return (32 + dx + rng.uniform(-1.2, 1.2), 32 + dy + rng.uniform(-1.2, 1.2)), radius


def _jitter(colour: world.Rgb, rng: random.Random) -> world.Rgb:
    r, g, b = (min(255, max(0, value + rng.randint(-4, 4))) for value in colour)
    return r, g, b


def _coordinates(middle: Point, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every supersampled pixel in units of the radius, from the shape's middle."""
    axis = (np.arange(world.SIZE * SCALE, dtype=np.float32) + 0.5) / SCALE
    x, y = np.meshgrid((axis - middle[0]) / radius, (axis - middle[1]) / radius)
    return x, y


def _second_tone(colour: world.Rgb) -> world.Rgb:
    """The other tone of a two-toned texture: lighter for dark colours, darker for light ones."""
    r, g, b = colour
    if 0.3 * r + 0.59 * g + 0.11 * b < 115:
        return (r + 255) // 2, (g + 255) // 2, (b + 255) // 2
    return int(r * 0.4), int(g * 0.4), int(b * 0.4)


def _second(texture: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mark where a texture shows its second tone: two bands (striped), the right half (split), nowhere (plain)."""
    if texture == "striped":
        return np.floor((y + 1.0) * 2.5).astype(int) % 2 == 1
    if texture == "hidden_split":
        return x > 0
    return np.zeros_like(x, dtype=bool)


def _shade(fill: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Light from the upper left: half way to white there, half way to black at the lower right."""
    light = np.clip(-(x + y) / 2.0, -1.0, 1.0)[..., None]
    up = fill + (255.0 - fill) * 0.65 * np.maximum(light, 0.0)
    return up * (1.0 - 0.65 * np.maximum(-light, 0.0))


def _frame(picture: np.ndarray) -> np.ndarray:
    width = 4 * SCALE
    framed = np.empty_like(picture)
    framed[...] = np.asarray((190, 140, 50), dtype=np.float32)
    framed[width:-width, width:-width] = picture[width:-width, width:-width]
    return framed


def _mask(shape: str, middle: Point, radius: float) -> Image.Image:
    mask = Image.new("L", (world.SIZE * SCALE,) * 2, 0)
    pen = ImageDraw.Draw(mask)
    if shape in _ROUND:
        _ROUND[shape](pen, middle, radius)
    else:
        for outline in _POLYGONS[shape]:
            pen.polygon(
                [((middle[0] + x * radius) * SCALE, (middle[1] + y * radius) * SCALE) for x, y in outline], fill=255
            )
    return mask


def _disc(pen: ImageDraw.ImageDraw, middle: Point, radius: float, fill: int = 255) -> None:
    (x, y), r = middle, radius
    pen.ellipse([(x - r) * SCALE, (y - r) * SCALE, (x + r) * SCALE, (y + r) * SCALE], fill=fill)


def _ring(pen: ImageDraw.ImageDraw, middle: Point, radius: float) -> None:
    _disc(pen, middle, radius)
    _disc(pen, middle, radius * 0.52, 0)


def _moon(pen: ImageDraw.ImageDraw, middle: Point, radius: float) -> None:
    _disc(pen, middle, radius)
    _disc(pen, (middle[0] + 0.55 * radius, middle[1] - 0.2 * radius), radius * 0.82, 0)


def _star() -> list[Point]:
    angles = [math.pi * (i / 5 - 0.5) for i in range(10)]
    return [(r * math.cos(a), r * math.sin(a) + 0.06) for a, r in zip(angles, (1.15, 0.48) * 5, strict=True)]


def _heart() -> list[Point]:
    turns = [2 * math.pi * i / 64 for i in range(64)]
    return [
        (
            math.sin(t) ** 3 * 1.08,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 15.0 - 0.1,
        )
        for t in turns
    ]


def _box(x0: float, y0: float, x1: float, y1: float) -> list[Point]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


_ROUND = {"circle": _disc, "ring": _ring, "moon": _moon}
_POLYGONS: dict[str, list[list[Point]]] = {
    "square": [_box(-0.9, -0.9, 0.9, 0.9)],
    "triangle": [[(0.0, -1.05), (1.1, 0.9), (-1.1, 0.9)]],
    "star": [_star()],
    "heart": [_heart()],
    "cross": [_box(-0.34, -1.05, 0.34, 1.05), _box(-1.05, -0.34, 1.05, 0.34)],
    "hidden_hourglass": [
        [(-0.95, -1.0), (0.95, -1.0), (0.12, 0.0), (-0.12, 0.0)],
        [(-0.12, 0.0), (0.12, 0.0), (0.95, 1.0), (-0.95, 1.0)],
    ],
    "hidden_ell": [_box(-0.9, -1.0, -0.2, 1.0), _box(-0.9, 0.3, 0.9, 1.0)],
    "hidden_arch": [_box(-1.0, -1.0, 1.0, -0.35), _box(-1.0, -1.0, -0.4, 1.0), _box(0.4, -1.0, 1.0, 1.0)],
}
