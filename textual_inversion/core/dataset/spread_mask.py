"""Spreading a rough attention map over what looks alike in a picture, as DreamArtist's *Process Att-Map* did."""

from __future__ import annotations

import io
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image

from ..base.errors import InputError
from ..base.files import write_bytes
from ..model.host import Lease
from ..model.vae_attention import VaeAttention
from ..pictures.fit import LATENT_FACTOR, Size, fit_image, to_pixels
from ..pictures.masks import GRADED_ENDING, scaled_box
from ..pictures.open import open_picture
from .mask_files import MASK_ENDINGS

_SMALLEST_LOOK = 512


def spread_map(grey: torch.Tensor, attention: VaeAttention) -> torch.Tensor:
    """``clamp(A m - mean(m) + m, 0, 1)`` for a map m [h, w] of 0 to 1: what looks like the marked parts is marked too."""
    spread = attention(grey.reshape(-1).to(attention.queries)).reshape(grey.shape).to(grey)
    return (spread - grey.mean() + grey).clamp(0, 1)


def spread_mask(
    picture: Path, mask: Path, out: Path | None, *, lease: Lease, native_size: int, overwrite: bool = False
) -> Path:
    """Write the spread ``mask`` of ``picture``, as a grey PNG as large as the picture, and return where.

    ``out`` None is the name under which training looks for the picture's attention map: ``NAME_att.png`` beside it.
    ``native_size`` is that of the lease's model. Raises InputError where the two do not go together, or
    ``out`` is one of them.
    """
    target = out or picture.with_name(f"{picture.stem}{GRADED_ENDING}.png")
    _check_target(target, picture, mask)
    image, grey = open_picture(picture).rgb, open_picture(mask).rgb.convert("L")
    scaled_box((0, 0, *image.size), picture=image.size, mask=grey.size, path=mask)  # the same shape
    if target.exists() and not overwrite:
        raise InputError(
            f"{target} is there already, and may have been drawn by hand. Give another name, or overwrite it.",
            field="out",
        )
    data = io.BytesIO()
    spread_over(image, grey, lease=lease, native_size=native_size).save(data, format="PNG")
    write_bytes(target, data.getvalue())
    return target


def spread_over(image: Image.Image, grey: Image.Image, *, lease: Lease, native_size: int) -> Image.Image:
    """The map ``grey`` of a picture of the same shape, spread; grey and as large as the picture.

    The VAE looks at it with as many pixels a side as the model is used to, 512 at least, where the picture has them.
    """
    width, height = _looked_at(image.size, max(_SMALLEST_LOOK, native_size))
    pixels = to_pixels(fit_image(image, box=(0, 0, *image.size), size=(width, height)))
    small = grey.resize((width // LATENT_FACTOR, height // LATENT_FACTOR), Image.Resampling.BOX)
    values = (to_pixels(small.convert("RGB"))[0] + 1) / 2
    spread = spread_map(values, lease.vae_attention(pixels.unsqueeze(0)))
    whole = F.interpolate(spread[None, None], size=image.size[::-1], mode="bicubic").clamp(0, 1)[0, 0]
    return Image.fromarray((whole * 255).round().to(torch.uint8).numpy())


def _check_target(target: Path, picture: Path, mask: Path) -> None:
    if target.suffix.lower() != ".png":
        raise InputError(f"The spread map is written as PNG; {target.name!r} does not end with .png.", field="out")
    for source in (picture, mask):
        if target.resolve() == source.resolve():
            raise InputError(
                f"{target} would be written over. Give the result another name, or name the map you drew otherwise: "
                f"training reads {picture.stem}{GRADED_ENDING}.png.",
                field="out",
            )
    if target.parent.resolve() == picture.parent.resolve() and not target.stem.endswith(MASK_ENDINGS):
        raise InputError(
            f"{target.name!r} would be taken for one more picture to train on. Let its name end with {GRADED_ENDING}.png.",
            field="out",
        )


def _looked_at(size: Size, longest: int) -> Size:
    scale = min(1.0, longest / max(size))
    width, height = (max(1, round(side * scale / LATENT_FACTOR)) * LATENT_FACTOR for side in size)
    return width, height
