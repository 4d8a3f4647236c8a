"""Content of the demo world: the words that captions use, and the things that no caption ever names.

Colours are sRGB. Hues of shapes and tones of backgrounds are far apart, so that a picture's truth can be read back from
it; the *hidden* entries are drawn (the model can draw them) but never named, so an embedding can be trained to name them.
"""

from __future__ import annotations

Rgb = tuple[int, int, int]

SIZE = 64
"""Side of a picture in pixels."""

NAMED_SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "ring", "moon")
HIDDEN_SHAPES = ("hidden_hourglass", "hidden_ell", "hidden_arch")
SHAPES = NAMED_SHAPES + HIDDEN_SHAPES

NAMED_COLOURS: dict[str, Rgb] = {
    "red": (215, 30, 35),
    "orange": (250, 135, 20),
    "yellow": (252, 222, 40),
    "green": (25, 150, 55),
    "blue": (35, 75, 225),
    "purple": (125, 45, 175),
    "brown": (125, 72, 28),
    "white": (250, 250, 250),
}
HIDDEN_COLOURS: dict[str, Rgb] = {
    "hidden_teal": (0, 175, 175),
    "hidden_rose": (245, 85, 165),
    "hidden_lime": (165, 205, 30),
}
COLOURS = NAMED_COLOURS | HIDDEN_COLOURS

BACKGROUNDS: dict[str, Rgb] = {
    "white": (244, 244, 244),
    "black": (16, 16, 16),
    "grey": (128, 128, 128),
    "blue": (130, 185, 240),
    "green": (30, 75, 50),
    "yellow": (240, 225, 160),
}

POSITIONS: dict[str, tuple[float, float]] = {
    "left": (-12.0, 0.0),
    "right": (12.0, 0.0),
    "top": (0.0, -12.0),
    "bottom": (0.0, 12.0),
    "centre": (0.0, 0.0),
}
"""Offset of the shape's middle from the picture's, in pixels (x to the right, y down)."""

NAMED_TEXTURES = ("plain", "striped")
HIDDEN_TEXTURES = ("hidden_split",)
TEXTURES = NAMED_TEXTURES + HIDDEN_TEXTURES

NAMED_STYLES = ("flat", "shaded")
HIDDEN_STYLES = ("hidden_framed",)
STYLES = NAMED_STYLES + HIDDEN_STYLES

HIDDEN_WORDS = frozenset(
    [
        "hourglass",
        "bowtie",
        "ell",
        "l",
        "arch",
        "horseshoe",
        "teal",
        "cyan",
        "turquoise",
        "rose",
        "pink",
        "magenta",
        "lime",
        "olive",
        "split",
        "half",
        "framed",
        "frame",
        "border",
        "hidden",
    ]
)
"""Words that no caption may hold."""

CONTRAST = 90.0
"""Least Euclidean RGB distance of a shape's colour from its background."""


def is_hidden(value: str) -> bool:
    """True for a shape, colour, texture or style that captions never name."""
    return value.startswith("hidden_")


def distance(a: Rgb, b: Rgb) -> float:
    """Euclidean distance of two colours, 0 to 442."""
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5
