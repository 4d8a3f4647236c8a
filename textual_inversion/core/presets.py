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


PRESETS: tuple[Preset, ...] = (
    Preset(
        name="subject",
        label="Subject: a thing or a person",
        help="For 5 to 30 pictures of one thing or person, as the guides to A1111 advise.",
        create={"vectors": 3},
        train={
            "learning_rate": "0.005",
            "batch_size": 1,
            "gradient_accumulation": 1,
            "template": "subject.txt",
            "steps": 3000,
            "save_every": 50,
            "image_every": 50,
        },
    ),
    Preset(
        name="style",
        label="Style: how pictures are drawn",
        help="For 20 or more captioned pictures in one style, as the guides to A1111 advise.",
        create={"vectors": 6},
        train={
            "learning_rate": "0.005",
            "batch_size": 1,
            "gradient_accumulation": 1,
            "template": "style_filewords.txt",
            "steps": 3000,
            "save_every": 50,
            "image_every": 50,
            "shuffle_tags": True,
            "tag_dropout": 0.1,
        },
    ),
    Preset(
        name="quick-look",
        label="Quick look",
        help="Shows in 500 steps, with a falling rate, whether the pictures teach anything at all.",
        create={"vectors": 2},
        train={
            "learning_rate": "5e-2:100, 5e-3:500, 5e-4:1000, 5e-5:1500, 5e-6",
            "batch_size": 1,
            "gradient_accumulation": 1,
            "steps": 500,
            "save_every": 50,
            "image_every": 50,
        },
    ),
)
