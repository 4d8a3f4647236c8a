"""Pixels: a picture's part at its new size, with its transparency and its mask, and the flipped copies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ...core.pictures.fit import fit_image
from ...core.pictures.masks import scaled_box
from ...core.pictures.open import OpenedPicture
from ..settings.geometry import Flip
from ..settings.sources import Alpha
from .geometry import Cut

_TURNS = {
    "h": Image.Transpose.FLIP_LEFT_RIGHT,
    "v": Image.Transpose.FLIP_TOP_BOTTOM,
    "both": Image.Transpose.ROTATE_180,
}
_BACKGROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0)}


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A result before it is written: RGB, or RGBA where transparency is kept; ``mask`` is grey and of the same size."""

    image: Image.Image
    mask: Image.Image | None = None

    @property
    def rgb(self) -> Image.Image:
        return self.image.convert("RGB")


def render(
    picture: OpenedPicture, cut: Cut, *, alpha: Alpha, mask: Image.Image | None = None, mask_path: Path | None = None
) -> Rendered:
    """Crop and resize once. ``mask`` may have another resolution than its picture, not another shape (InputError)."""
    image = _resized(picture.rgb, cut)
    if picture.alpha is not None and alpha != "drop":
        image = _with_alpha(image, _resized(picture.alpha, cut), alpha)
    if mask is None:
        return Rendered(image=image)
    box = scaled_box(cut.box, picture=picture.rgb.size, mask=mask.size, path=mask_path or Path("mask"))
    return Rendered(image=image, mask=fit_image(mask, box=box, size=cut.size))


def flipped(rendered: Rendered, flip: Flip) -> Rendered:
    """``h`` mirrors left and right, ``v`` top and bottom, ``both`` does both at once."""
    turn = _TURNS[flip]
    mask = None if rendered.mask is None else rendered.mask.transpose(turn)
    return Rendered(image=rendered.image.transpose(turn), mask=mask)


def _resized(image: Image.Image, cut: Cut) -> Image.Image:
    if cut.size == image.size and cut.box == (0.0, 0.0, *map(float, image.size)):
        return image
    return fit_image(image, box=cut.box, size=cut.size)


def _with_alpha(image: Image.Image, alpha: Image.Image, wanted: Alpha) -> Image.Image:
    """Colours and transparency were resized apart, so that colours below transparent parts are not darkened."""
    if wanted == "keep":
        image = image.copy()
        image.putalpha(alpha)
        return image
    return Image.composite(image, Image.new("RGB", image.size, _BACKGROUNDS[wanted]), alpha)
