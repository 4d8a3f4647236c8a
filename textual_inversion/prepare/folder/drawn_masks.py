"""Loss-weight masks that are drawn on the page: NAME_mask.png beside a picture, white where it is learned.

Or NAME_att.png, an attention map as DreamArtist's: mid grey counts once, white five times.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ...core.base.errors import InputError
from ...core.base.files import disk_errors, write_bytes
from ...core.dataset.find import PICTURE_SUFFIXES, natural_key
from ...core.dataset.mask_files import MaskFiles
from ...core.dataset.spread_mask import spread_over
from ...core.model.host import Lease
from ...core.pictures.masks import GRADED_ENDING, is_graded
from ...core.pictures.open import open_picture

MAX_SIDE = 4096
MAX_SHOWN = 1024
"""The page shows no picture larger than this."""


def masks_of(picture: Path) -> list[Path]:
    """The mask file beside a picture, as the trainer finds it, and others that it passes over because of that one."""
    beside = [each for each in picture.parent.iterdir() if each.suffix.lower() in PICTURE_SUFFIXES]
    return MaskFiles(sorted(beside, key=natural_key)).all_of(picture)


def shown_mask(folder: Path, picture: Path, side: int) -> Image.Image:
    """Grey, at most ``side`` pixels a side: the mask file, else the alpha channel, else white all over."""
    file = next(iter(masks_of(picture)), None)
    if file is not None:
        if not file.resolve().is_relative_to(folder):
            raise InputError(f"{file.name} is a link that leads out of the folder.", field="name")
        mask = open_picture(file).rgb.convert("L")
    else:
        opened = open_picture(picture)
        mask = opened.alpha or Image.new("L", opened.rgb.size, 255)
    mask.thumbnail((side, side))
    return mask


def save_mask(folder: Path, picture: Path, png: bytes, *, graded: bool = False) -> str:
    """Write the mask of a picture at the picture's own size, or take it away where ``png`` is empty; returns its name.

    ``graded`` makes it an attention map. Raises InputError for what is no PNG of the picture's shape, and where the picture
    has a mask of the other kind, as the greys of the two mean different things.
    """
    masks = masks_of(picture)
    file = masks[0] if masks else None
    if png and file is not None and is_graded(file) != graded:
        kinds = ("a mask", "an attention map") if graded else ("an attention map", "a mask")
        raise InputError(f"The picture has {kinds[0]}, {file.name}. Remove it before saving {kinds[1]}.", field="png")
    fresh = picture.with_name(f"{picture.stem}{GRADED_ENDING if graded else '_mask'}.png")
    target = file.with_suffix(".png") if file is not None else fresh
    # Of one stem the ending decides which counts, so a .jpg would stay the mask.
    gone = [each for each in masks if each.stem == target.stem and (each != target or not png)]
    if link := next((each for each in (target, *gone) if each.is_symlink()), None):
        raise InputError(f"{link.name} is a link. Replace it by a file first.", field="png")
    if png:
        write_bytes(target, _png(_fitted(png, open_picture(picture).rgb.size)))
    for each in gone:
        with disk_errors(each):
            each.unlink(missing_ok=True)
    return target.relative_to(folder).as_posix() if png else ""


@dataclass(frozen=True)
class Drawn:
    """A drawn mask and its picture: both as large as the page shows them, 1024 pixels a side at most."""

    picture: Image.Image
    mask: Image.Image

    def spread(self, lease: Lease, *, native_size: int) -> bytes:
        """Over what looks alike in the picture (DreamArtist's *Process Att-Map*): a PNG of that size."""
        return _png(spread_over(self.picture, self.mask, lease=lease, native_size=native_size))


def drawn_on(picture: Path, png: bytes) -> Drawn:
    """Raises InputError for what is no PNG of the picture's shape."""
    image = open_picture(picture).rgb
    mask = _opened(png)
    _check_shape(mask, image.size)
    image.thumbnail((MAX_SHOWN, MAX_SHOWN))
    return Drawn(image, mask.resize(image.size, Image.Resampling.BILINEAR))


def _fitted(png: bytes, size: tuple[int, int]) -> Image.Image:
    mask = _opened(png)
    _check_shape(mask, size)
    return mask.resize(size, Image.Resampling.BILINEAR)


def _opened(png: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            if max(image.size) > MAX_SIDE:
                raise InputError(f"The mask is larger than {MAX_SIDE} pixels a side.", field="png")
            return image.convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"The mask is no PNG picture: {error}.", field="png") from error


def _check_shape(mask: Image.Image, size: tuple[int, int]) -> None:
    if abs(mask.width / mask.height - size[0] / size[1]) > 0.05 * size[0] / size[1]:
        raise InputError(
            f"The mask has {mask.width} x {mask.height} pixels, its picture {size[0]} x {size[1]}: they must have the same shape.",
            field="png",
        )


def _png(mask: Image.Image) -> bytes:
    with io.BytesIO() as file:
        mask.save(file, "PNG")
        return file.getvalue()
