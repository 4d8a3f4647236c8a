"""Additions of this extension to a web UI's settings page: defaults of the Train tab, and what the web UI's own settings do."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from ..core.base.options import choices_of, options_of
from ..core.settings.train_config import TrainConfig
from ..hosts.webui import ADD_PARTNER, Capability, OwnSetting

FIELDS = ("log_dir", "use_safetensors", "save_every", "image_every", "keep_copies", "recompute")
"""Fields that somebody wants to be otherwise in every run."""

_KEPT_MODELS = "Keep models in VRAM"
_USED = "Used: the field of that name in Train (Advanced) begins with it."
EXPLAINED = (
    (
        "Move VAE and CLIP to RAM when training if possible",
        "Always so for the VAE: it waits in RAM once the pictures are encoded, and comes back for previews. CLIP stays on the card: "
        "every step needs it.",
    ),
    ("Use cross attention optimizations while training", "Always so, with torch's own, which needs no xformers."),
    ("Filename word regex, Filename join string", _USED),
    ("Save an csv containing the loss to log directory every N steps", _USED),
    ("Enable tensorboard logging", _USED),
    (
        "Save generated images within tensorboard",
        "Not used: previews are in the monitor and in the run's folder, and TensorBoard shows the curves.",
    ),
    ("How often, in seconds, to flush the pending tensorboard events", "Not used: TensorBoard's own two minutes."),
    ("Saves Optimizer state", "Always so: Resume goes on exactly where the run stopped."),
    ("Save textual inversion and hypernet settings to a text file", "Always so: run.json in the run's folder."),
    (
        "Turn on pin_memory for DataLoader",
        "Not needed: the pictures are encoded once, and nothing is loaded in training.",
    ),
    (
        "Number of repeats for a single input image per epoch",
        "Not used: in an epoch each picture comes once. To show a folder more often, write FOLDER*3 as Dataset directory.",
    ),
    (
        "BLIP: num_beams, BLIP: minimum description length, BLIP: maximum description length, deepbooru: score threshold, "
        "deepbooru: sort tags alphabetically, deepbooru: use spaces in tags, deepbooru: escape, deepbooru: filter out those tags",
        "Used: the fields of these names in Prepare begin with them.",
    ),
    (_KEPT_MODELS, "Used: captioning models stay, or leave when the captions are written."),
    (
        "Include ranks of model tags matches in results, CLIP: maximum number of lines in text file, CLIP: skip inquire categories",
        "Not used: captions hold no ranks, and BLIP's sentence alone.",
    ),
)
"""The web UI's own settings under *Training* and *Interrogate*, as it labels them, and what becomes of them here."""


def explained(*, own_caption_models: bool) -> tuple[tuple[str, str], ...]:
    """``EXPLAINED``, for a web UI whose own captioning models are used, or not."""
    if own_caption_models:
        return EXPLAINED
    others = [row for row in EXPLAINED if row[0] != _KEPT_MODELS]
    return (*others, (_KEPT_MODELS, "Not used: captioning models leave when the captions are written."))


_ADD_PARTNER = OwnSetting(
    key=ADD_PARTNER,
    field="",
    label="Add the negative half of a pair to the negative prompt by itself",
    help="Where NAME of a pair is in the prompt, NAME-neg goes into the negative prompt before the picture is made, unless it is there "
    "already. The picture's parameters show it.",
    default=False,
)


def own_settings(lacks: Collection[Capability] = ()) -> tuple[OwnSetting, ...]:
    """Labels, helps and defaults are those of the form. None for what the web UI ``lacks``."""
    described = options_of(TrainConfig)
    own = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    defaults = tuple(
        OwnSetting(
            key=f"textual_inversion_tab_{name}",
            field=name,
            label=described[name].label,
            help=described[name].help,
            default=own[name],
            choices=choices_of(TrainConfig, name),
        )
        for name in FIELDS
    )
    return defaults if "partner" in lacks else (*defaults, _ADD_PARTNER)
