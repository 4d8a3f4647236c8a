"""Settings of the crop: the part of each picture that is kept, and its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...core.base.options import option

Crop = Literal["center", "focal", "auto", "stretch", "none"]
Flip = Literal["h", "v", "both"]
Objective = Literal["area", "error"]


@dataclass(frozen=True, kw_only=True)
class GeometrySettings:
    """Settings of the crop: the part of each picture that is kept, and its size."""

    width: int = option(
        512,
        "Width",
        group="Size",
        low=64,
        high=4096,
        step=8,
        help="In pixels: 512 for SD 1.x, 768 for 2.x, 1024 for SDXL.",
    )
    height: int = option(
        512,
        "Height",
        group="Size",
        low=64,
        high=4096,
        step=8,
        help="In pixels: 512 for SD 1.x, 768 for 2.x, 1024 for SDXL.",
    )
    fit: Crop = option(
        "center",
        "Fit pictures by",
        group="Size",
        shown={
            "center": "center crop",
            "focal": "auto focal point crop",
            "auto": "auto-sized crop",
            "stretch": "stretch",
            "none": "keep original size",
        },
        help="center: crop the middle; focal: auto focal point crop, around faces and detail; auto: auto-sized crop, each picture "
        "at its own size; stretch: distort; none: keep the original size.",
    )
    split: bool = option(
        False, "Split oversized images", group="Size", help="Long pictures become two or more overlapping ones."
    )
    flip: tuple[Flip, ...] = option(
        (),
        "Create flipped copies",
        group="Size",
        shown={"h": "Horizontal", "v": "Vertical", "both": "Both"},
        help="A mirrored copy of each picture, with the same caption. Not for faces, text or signs that have a right way round.",
    )
    split_threshold: float = option(
        0.5,
        "Split image threshold",
        group="Split oversized images",
        low=0,
        high=1,
        step=0.05,
        advanced=True,
        help="A picture is split when its shape, compared with the training shape, is this narrow or narrower: 0.5 is twice as long.",
    )
    split_overlap: float = option(
        0.2,
        "Split image overlap ratio",
        group="Split oversized images",
        low=0,
        high=0.9,
        step=0.05,
        advanced=True,
        help="The part of each piece that its neighbour shows too.",
    )
    face_weight: float = option(
        0.9,
        "Focal point face weight",
        group="Auto focal point crop",
        low=0,
        high=1,
        step=0.05,
        advanced=True,
        help="How much faces draw the crop to them. Needs OpenCV.",
    )
    entropy_weight: float = option(
        0.15,
        "Focal point entropy weight",
        group="Auto focal point crop",
        low=0,
        high=1,
        step=0.05,
        advanced=True,
        help="How much the part with the most variety draws the crop to it.",
    )
    edges_weight: float = option(
        0.5,
        "Focal point edges weight",
        group="Auto focal point crop",
        low=0,
        high=1,
        step=0.05,
        advanced=True,
        help="How much corners and edges draw the crop to them.",
    )
    min_dimension: int = option(
        384,
        "Dimension lower bound",
        group="Auto-sized crop",
        low=64,
        high=2048,
        step=8,
        advanced=True,
        help="No side of a result is smaller than this.",
    )
    max_dimension: int = option(
        768,
        "Dimension upper bound",
        group="Auto-sized crop",
        low=64,
        high=2048,
        step=8,
        advanced=True,
        help="No side of a result is larger than this.",
    )
    min_area: int = option(
        64 * 64,
        "Area lower bound",
        group="Auto-sized crop",
        low=64 * 64,
        high=2048 * 2048,
        step=1,
        advanced=True,
        help="A result has at least this many pixels.",
    )
    max_area: int = option(
        640 * 640,
        "Area upper bound",
        group="Auto-sized crop",
        low=64 * 64,
        high=2048 * 2048,
        step=1,
        advanced=True,
        help="A result has at most this many pixels: 409600 is 640 x 640.",
    )
    objective: Objective = option(
        "area",
        "Resizing objective",
        group="Auto-sized crop",
        shown={"area": "Maximize area", "error": "Minimize error"},
        advanced=True,
        help="Of the sizes allowed, area takes the largest (Maximize area), error the one that crops least (Minimize error).",
    )
    error_threshold: float = option(
        0.1,
        "Error threshold",
        group="Auto-sized crop",
        low=0,
        high=1,
        step=0.01,
        advanced=True,
        help="The part of a picture that may be cropped away. Where every size takes more, the picture is left out.",
    )
