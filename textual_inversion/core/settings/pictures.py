"""Settings of the pictures, and of their way to latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..base.options import option

Fit = Literal["center", "stretch", "none", "buckets"]
LatentSampling = Literal["once", "deterministic", "random"]


@dataclass(frozen=True, kw_only=True)
class PictureSettings:
    """Settings of the pictures, and of their way to latents."""

    data: tuple[str, ...] = option(
        (),
        "Dataset directory",
        group="Pictures",
        help="Folder with the pictures: 5 to 10 good ones are enough for a thing or a person, best on different backgrounds and at different places; more for a style. Several folders: one a line; "
        "'FOLDER*3' shows its pictures three times as often.",
    )
    recursive: bool = option(
        False, "Include subfolders", group="Pictures", advanced=True, help="Also take the pictures in folders below."
    )
    width: int = option(
        512,
        "Width",
        group="Pictures",
        low=64,
        high=4096,
        step=8,
        help="512 for SD 1.x, 768 for SD 2.x, 1024 for SDXL; 256 saves memory.",
    )
    height: int = option(
        512,
        "Height",
        group="Pictures",
        low=64,
        high=4096,
        step=8,
        help="In pixels, as the width.",
    )
    fit: Fit = option(
        "center",
        "Resize images",
        group="Pictures",
        shown={
            "center": "Crop the middle",
            "stretch": "Stretch",
            "none": "Do not resize images",
            "buckets": "Buckets",
        },
        help="Crop the middle keeps proportions; Stretch distorts, as A1111 does; Do not resize images trains each at its own size; "
        "Buckets crops to the nearest of several shapes of the same area.",
    )
    flip: bool = option(
        False,
        "Mirror at random",
        group="Pictures",
        advanced=True,
        help="Shows each picture mirrored half of the time. Not for faces or text.",
    )
    alpha_weight: bool = option(
        False,
        "Use PNG alpha channel as loss weight",
        group="Pictures",
        help="Opaque parts are learned, transparent parts are not: keeps backgrounds out. Needs PNG files with an 8-bit alpha channel.",
    )
    masks: bool = option(
        False,
        "Use mask files as loss weight",
        group="Pictures",
        advanced=True,
        help="Grey pictures NAME_mask.png beside NAME.png: white is learned, black is not.",
    )
    mask_floor: float = option(
        0.0,
        "Weight of masked parts",
        group="Pictures",
        low=0,
        high=1,
        step=0.05,
        advanced=True,
        help="0 ignores masked parts altogether; 0.1 keeps a little of the surroundings.",
    )
    latent_sampling: LatentSampling = option(
        "deterministic",
        "Choose latent sampling method",
        group="Pictures",
        help="How a picture becomes latents: deterministic uses their mean, once one fixed sample, random a new sample at every step. "
        "deterministic or random are best.",
    )
    lora: tuple[str, ...] = option(
        (),
        "LoRAs that are active",
        group="Pictures",
        advanced=True,
        help="One a line, FILE or FILE:WEIGHT: in the model while it trains and draws previews, and taken out afterwards. The embedding "
        "then belongs to prompts with them. Training a LoRA is another program's work.",
    )
    vae: str = option(
        "",
        "VAE to use",
        group="Pictures",
        advanced=True,
        shown={"": "As set"},
        help="What encodes the pictures and draws the previews. As set (empty): what the web UI is set to. None: the checkpoint's own VAE. "
        "Or the name of one of the web UI's VAE files; in the standalone app, the path of a VAE file.",
    )
