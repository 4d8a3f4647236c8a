"""Settings that go together, for common aims. The form is filled with them; whatever they do not name stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """``create`` are fields of ``CreateRequest``, ``train`` of ``TrainConfig``; ``help`` says what it is for, and why so."""

    name: str
    label: str
    help: str
    create: Mapping[str, object]
    train: Mapping[str, object]


_PAIR_HELP = (
    "Take one clean picture, from the front, before a plain background. The loss should settle below 0.15; above 0.2 the pair will "
    "hardly become good: crop the background away, or choose another picture. On the demo world a single embedding from the same "
    "picture was right three times as often in new surroundings (docs/study.md): try the preset One picture too."
)
_PAIR: Mapping[str, object] = {
    "apt": True,
    "optimizer": "adamw",
    "timesteps": "uniform",
    "timestep_bias": "none",
    "loss_weighting": "none",
    "width": 512,
    "height": 512,
    "flip": True,
    "clip_skip": 1,
    "clip_gradient": "norm",
    "clip_value": "1",
    "batch_size": 1,
    "gradient_accumulation": 1,
    "ema": 0.97,
    "reconstruction": 1.0,
}
"""Advice of the mini-guide to DreamArtist and its author for every pair; the clipping is what it always did."""


def _character(positive: int, negative: int, *, detail: str) -> Preset:
    return Preset(
        name=f"pair-character-{positive}-{negative}",
        label=f"Pair (APT): character, {positive} + {negative} vectors",
        help=f"{detail} {_PAIR_HELP} Compare the steps from 3000 on.",
        create={"apt": True, "vectors": positive, "negative_vectors": negative},
        train={
            **_PAIR,
            "learning_rate": "0.003",
            "guidance": "3.0",
            "negative_filewords": False,
            "template": "subject.txt",
            "steps": 6500,
            "save_every": 500,
            "image_every": 500,
        },
    )


def _pair_style(name: str, label: str, template: str) -> Preset:
    return Preset(
        name=name,
        label=label,
        help=f"One drawing style. {_PAIR_HELP}",
        create={"apt": True, "vectors": 3, "negative_vectors": 6},
        train={
            **_PAIR,
            "learning_rate": "5e-3",
            "guidance": "5.0",
            "negative_filewords": True,
            "template": template,
            "steps": 2000,
            "save_every": 250,
            "image_every": 250,
        },
    )


_CHARACTER = _character(3, 6, detail="One character or thing.")
_CAREFUL = Preset(
    name="pair-character-careful",
    label="Pair (APT): character, slower",
    help="Where the loss jumps: a lower rate, a shorter average, more steps. " + _PAIR_HELP,
    create=_CHARACTER.create,
    train={**_CHARACTER.train, "learning_rate": "0.0025", "ema": 0.95, "steps": 8000},
)
PAIR_PRESETS: tuple[Preset, ...] = (
    _CHARACTER,
    _character(4, 7, detail="A character with more detail."),
    _character(5, 8, detail="A character with much detail."),
    _character(10, 10, detail="The most detail; takes twenty of the prompts' tokens."),
    _CAREFUL,
    _pair_style("pair-style", "Pair (APT): style", "style.txt"),
    _pair_style("pair-style-captions", "Pair (APT): style, with captions", "style_filewords.txt"),
)
"""For positive and negative embeddings, from the DreamArtist mini-guide (konbaku yomu, 2022)."""

_MEASURED: Mapping[str, object] = {
    "apt": False,
    "optimizer": "adamw",
    "learning_rate": "0.01 cosine",
    "batch_size": 1,
    "timesteps": "stratified",
    "timestep_bias": "none",
    "loss_weighting": "velocity",
    "min_snr_gamma": 0.0,
    "norm_rule": "none",
    "clip_gradient": "disabled",
    "shuffle_tags": False,
    "tag_dropout": 0.0,
    "flip": False,
    "save_every": 50,
    "image_every": 50,
    "evaluate_every": 20,
}
"""Winners of the study (docs/study.md), named in full so that nothing is left over from another preset."""

_WEIGHTS_HELP = (
    "Losses look larger than usual: noisy pictures count more, which is where shape and layout are decided. A style that all "
    "pictures share is learned too, also one that the captions name."
)

PLAIN_PRESETS: tuple[Preset, ...] = (
    Preset(
        name="subject",
        label="Subject: a thing or a person",
        help="For 5 to 30 pictures of one thing or person, with captions. On the demo world (eight hidden things, 8 pictures of each, three "
        "trainings) the thing was right in 78 of 100 pictures and the rest of the prompt in 97; with A1111's settings in 45, after more "
        "than twice the work. Twenty pictures on varied backgrounds, trained twice as long, gave 86 and 99: variety is worth more than "
        "steps. "
        f"{_WEIGHTS_HELP}",
        create={"apt": False, "vectors": 8},
        train={**_MEASURED, "gradient_accumulation": 4, "template": "subject_filewords.txt", "steps": 500},
    ),
    Preset(
        name="style",
        label="Style: how pictures are drawn",
        help="For 20 or more captioned pictures in one style. On the demo world a hidden style was right in 79 of 100 pictures, "
        "from 8 pictures and captions in their order; with A1111's settings in 8, after more than twice the work. Losses look larger "
        "than usual: noisy pictures count more.",
        create={"apt": False, "vectors": 8},
        train={
            **_MEASURED,
            "gradient_accumulation": 4,
            "template": "style_filewords.txt",
            "steps": 500,
            "shuffle_tags": True,
            "tag_dropout": 0.1,
        },
    ),
    Preset(
        name="quick-look",
        label="Quick look",
        help="Shows in 250 steps of one picture whether the pictures teach anything at all, for an eighth of a subject's work. On the "
        "demo world the thing was right in 69 of 100 pictures, mean over eight things; A1111's settings with four times the work "
        "came to 44, and with twenty times to 45.",
        create={"apt": False, "vectors": 8},
        train={**_MEASURED, "gradient_accumulation": 1, "steps": 250, "evaluate_every": 10},
    ),
    Preset(
        name="one-picture",
        label="One picture",
        help="For a single picture with a caption that tells all but the thing, so that only the thing is learned. On the demo world "
        "the thing was right in 54 of 100 pictures, mean over eight things, and from eight pictures of it in 72: more pictures are "
        "worth finding. Pairs (APT) came to 14 there.",
        create={"apt": False, "vectors": 8},
        train={
            **_MEASURED,
            "gradient_accumulation": 4,
            "template": "subject_filewords.txt",
            "steps": 250,
            "flip": True,
        },
    ),
)

PRESETS: tuple[Preset, ...] = PLAIN_PRESETS + PAIR_PRESETS
