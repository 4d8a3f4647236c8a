"""Training a pair: one embedding for the prompt and one for the negative prompt (APT)."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.options import option

GROUP = "Pair (APT)"
ADVICE = (
    "One clean picture is enough: seen from the front, before a plain background, nothing held or hidden; a mirrored copy helps. The "
    "loss should settle below 0.15. Above 0.2 the pair will hardly become good: crop the background away, or take another picture."
)
"""For whoever trains a pair; the figures are those of the DreamArtist mini-guide."""


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Training a pair: one embedding for the prompt and one for the negative prompt (APT)."""

    apt: bool = option(
        False,
        "Train a positive and a negative embedding (APT)",
        group=GROUP,
        help="For one to a few pictures, as DreamArtist. Needs a pair made with Create: NAME and NAME-neg. A step costs twice as much. "
        "The presets for pairs fill in what is advised.",
    )
    guidance: str = option(
        "3.0",
        "CFG scale in training",
        group=GROUP,
        help="How far the prompt leads away from the negative prompt; use about the same when you make pictures. 3 for characters, 5 for "
        "styles. A range follows the noise level: 1.5-3.0, 1.5-3.0:cos, 1.5-3.0:cos2, or 1.5-3.0:sqrt(rate).",
    )
    negative_lr_weight: float = option(
        1.0,
        "Negative learning rate weight",
        group=GROUP,
        low=0.01,
        high=100,
        help="The negative embedding's learning rate, as a multiple of the positive one's. 0.2 to 5 make sense.",
    )
    negative_ema: float | None = option(
        None,
        "EMA of the negative vectors",
        group=GROUP,
        low=0,
        high=0.9999,
        advanced=True,
        help="Empty: as for the positive vectors (EMA of the vectors; 0.97 or 0.95 is advised for pairs).",
    )
    negative_template: str = option(
        "",
        "Negative prompt template",
        group=GROUP,
        advanced=True,
        help="A template of its own for the negative half; [name] is NAME-neg there. Empty: the same prompt with NAME-neg in place of NAME.",
    )
    negative_filewords: bool = option(
        True,
        "File words in the negative prompt too",
        group=GROUP,
        help="Off: the caption stands in the positive prompt only.",
    )
    reconstruction: float = option(
        0.0,
        "Reconstruction loss weight",
        group=GROUP,
        low=0,
        high=100,
        help="Compares the decoded prediction with the picture itself, which sharpens details. 1 for characters; 0 is off. Takes much more "
        "memory and time: the VAE's decoder runs at every step.",
    )
    halves_in_turn: bool = option(
        False,
        "One half after the other",
        group=GROUP,
        advanced=True,
        help="Saves memory: positive and negative predictions are made one after the other and made again for the gradient. Same result, "
        "about half as slow again.",
    )
