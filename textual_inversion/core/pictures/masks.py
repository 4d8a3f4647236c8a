"""Loss weights from an alpha channel or a grey mask: what counts, what counts less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..base.errors import InputError
from .fit import Box, Size

GRADED_ENDING = "_att"


def is_graded(mask: Path) -> bool:
    """True for DreamArtist's attention maps, in which greys above the middle count more than once."""
    return mask.stem.casefold().endswith(GRADED_ENDING)


def scaled_box(box: Box, *, picture: Size, mask: Size, path: Path) -> Box:
    """A picture's box in the pixels of its mask, which may be smaller or larger but not of another shape."""
    across, down = mask[0] / picture[0], mask[1] / picture[1]
    # Whoever halves 1023 x 767 has to round, so one pixel either way is no other shape.
    if abs(across - down) > 1 / min(picture) + 1 / min(mask):
        raise InputError(
            f"The mask {path} has {mask[0]} x {mask[1]} pixels, its picture {picture[0]} x {picture[1]}: "
            "they must have the same shape.",
            field="data",
        )
    return (
        min(box[0] * across, mask[0] - 1e-3),
        min(box[1] * down, mask[1] - 1e-3),
        min(box[2] * across, float(mask[0])),
        min(box[3] * down, float(mask[1])),
    )


def loss_weights(
    mask: Image.Image, *, box: Box, size: Size, floor: float, path: Path, graded: bool = False
) -> torch.Tensor:
    """The weight of every latent: float32 [height, width], mean 1. ``size`` is (width, height) in latents.

    weight = floor + (1 - floor) * mask, divided by its mean so that the loss keeps its scale; mask is 0 (black) to 1
    (white), averaged over the area of each latent. With ``graded``, greys up to the middle are 0 to 1 and above it
    1 to 5 (DreamArtist). A uniform mask gives ones. (A1111 makes NaN of a uniform alpha channel, and scrambles the map of
    a picture that is not square.) Raises InputError naming ``path`` where all that is used of the mask is black.
    """
    grey = np.asarray(mask.convert("L"), dtype=np.float32)
    values = _graded(grey) if graded else grey / 255
    averaged = Image.fromarray(values).resize(size, Image.Resampling.BOX, box=box)
    weights = torch.from_numpy(np.array(averaged, dtype=np.float32))
    if weights.max().item() <= 0:
        raise InputError(
            f"The mask of {path} is black where the picture is used, so nothing of it would be learned. "
            "White is what counts.",
            field="data",
        )
    weights = floor + (1 - floor) * weights
    return weights / weights.mean()


def _graded(grey: np.ndarray) -> np.ndarray:
    """Values of the greys [h, w] of an attention map: 0 to 1 up to the middle, 1 to 5 above it."""
    return np.where(grey <= 127, grey / 127, 1 + 4 * (grey - 127) / 128).astype(np.float32)
