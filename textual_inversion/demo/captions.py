"""Sentences about scenes, in many forms: full, short, in any order, in the manner of the usual subject and style templates.

Hidden values are never named: a hidden shape is "a shape" or "a thing", a hidden hue, texture or style is left out or
said with a generic word. Named values are left out at times too, so that the generic words mean anything at all.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .scene import Scene
from .world import is_hidden

EMPTY_SHARE = 0.08
"""Share of empty captions, for classifier-free guidance."""

GENERIC_NOUNS = ("shape", "thing", "object", "figure", "subject")
GENERIC_COLOURS = ("coloured", "colorful")
_ARTICLES = ("a", "a", "a", "the", "one", "my")
_MEDIA = (
    *("photo", "photo", "photo", "rendering", "picture", "painting", "rendition", "cropped photo", "close-up photo"),
    *("drawing", "image", "illustration", "artwork", "work of art", "snapshot"),
)
_MEDIUM_MOODS = (
    *("good", "dark", "bright", "nice", "sharp", "plain", "detailed", "fine", "odd", "low resolution", "cool"),
    *("clean", "dirty", "small", "large", "weird"),
)
_VIEWS = ("seen up close", "seen from afar")
_MOODS = ("good", "dark", "bright")
_MOODS = ("nice", "cool", "clean", "dirty", "small", "large", "weird")
_PLACES = {
    "left": ("at the left", "on the left", "on the left side", "to the left"),
    "right": ("at the right", "on the right", "on the right side", "to the right"),
    "top": ("at the top", "at the top", "near the top"),
    "bottom": ("at the bottom", "at the bottom", "near the bottom"),
    "centre": ("in the centre", "in the middle", "in the center"),
}


@dataclass(frozen=True)
class Mentions:
    """Share of captions that say each part."""

    shape: float = 0.93
    colour: float = 0.93
    background: float = 0.88
    position: float = 0.85
    plain: float = 0.3
    striped: float = 0.92
    style: float = 0.55
    view: float = 0.03
    short: float = 0.1


EVERYTHING = Mentions(shape=1.0, colour=1.0, background=1.0, position=1.0, striped=1.0, style=1.0, view=0.0, short=0.0)


def training_caption(scene: Scene, rng: random.Random) -> str:
    """`caption`, empty in 8 of 100."""
    return "" if rng.random() < EMPTY_SHARE else caption(scene, rng)


def caption(scene: Scene, rng: random.Random, mentions: Mentions | None = None) -> str:
    """One sentence about `scene`, never empty; no hidden value is named."""
    said = mentions or Mentions()
    subject = _with_article(_subject(scene, rng, said), rng)
    if rng.random() < said.short:
        return _opening(rng) + subject
    return _joined(_opening(rng) + subject, context(scene, rng, said), rng)


def context(scene: Scene, rng: random.Random, mentions: Mentions | None = None) -> list[str]:
    """Draw the words beside the subject: background, place, style, in random order."""
    said = mentions or Mentions()
    parts = []
    if rng.random() < said.background:
        parts.append(_background(scene.background, rng))
    if rng.random() < said.position:
        parts.append(rng.choice(_PLACES[scene.position]))
    if rng.random() < said.style and not is_hidden(scene.style):
        parts.append(_style(scene.style, rng))
    if rng.random() < said.view:
        parts.append(rng.choice(_VIEWS))
    rng.shuffle(parts)
    return parts


def _subject(scene: Scene, rng: random.Random, said: Mentions) -> str:
    """Adjectives and noun: "striped red circle", "red circle with stripes", "coloured thing"."""
    noun = scene.shape if not is_hidden(scene.shape) and rng.random() < said.shape else rng.choice(GENERIC_NOUNS)
    words = [noun]
    if not is_hidden(scene.colour) and rng.random() < said.colour:
        words.insert(0, scene.colour)
    elif rng.random() < 0.4:
        words.insert(0, rng.choice(GENERIC_COLOURS))
    if scene.texture == "striped" and rng.random() < said.striped:
        if rng.random() < 0.3:
            words.append("with stripes")
        else:
            words.insert(0, "striped")
    if scene.texture == "plain" and rng.random() < said.plain:
        words.insert(0, "plain")
    if rng.random() < 0.06:
        words.insert(0, rng.choice(_MOODS))
    return " ".join(words)


def _background(background: str, rng: random.Random) -> str:
    article = rng.choice(("", "a ", "a "))
    return f"{rng.choice(('on', 'on', 'on', 'against'))} {article}{background} background"


def _style(style: str, rng: random.Random) -> str:
    return rng.choice((f"{style} style", f"in {style} style", f"{style} style", style, f"in the style of {style}"))


def _with_article(subject: str, rng: random.Random) -> str:
    if rng.random() < 0.12:
        return subject
    article = rng.choice(_ARTICLES)
    if article == "a" and subject[0] in "aeiou" and rng.random() < 0.7:
        article = "an"
    return f"{article} {subject}"


def _opening(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return ""
    if rng.random() < 0.05:
        return "this is "
    mood = f"{rng.choice(_MEDIUM_MOODS)} " if rng.random() < 0.25 else ""
    medium = mood + rng.choice(_MEDIA)
    article = rng.choice(("a", "a", "the"))
    return f"{'an' if article == 'a' and medium[0] in 'aeiou' else article} {medium} of "


def _joined(subject: str, parts: list[str], rng: random.Random) -> str:
    """The subject mostly first; what begins with "on" or "at" may follow without a comma."""
    if parts and rng.random() < 0.15:
        return ", ".join([parts[0], subject, *parts[1:]])
    text = subject
    for part in parts:
        free = part.split()[0] in {"on", "at", "in", "against", "near", "to"}
        text += (" " if free and rng.random() < 0.5 else ", ") + part
    return text
