"""One picture from its file to finished results in memory: everything that needs no other picture, so that threads can do it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from ...core.base.errors import InputError
from ...core.base.text_files import read_text
from ...core.pictures.fit import Size
from ...core.pictures.open import OpenedPicture, open_picture
from ..advice.perceptual_hash import perceptual_hash
from ..folder.sources import SourcePicture
from ..settings import PrepareSettings
from .faces import Faces
from .focal import focal_point
from .geometry import Cut, auto_sized, crop, is_oversized, pieces, stretched, whole
from .render import Rendered, flipped, render

_PNG_LEVEL = 4
"""Twice as quick as Pillow's 6 on drawings, for files a twelfth larger; writing them is most of the work."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One picture to write. ``shown`` is what a captioning model looks at: the part itself, for its flipped copies too."""

    png: bytes
    mask: bytes | None
    shown: int


@dataclass(frozen=True, kw_only=True)
class Developed:
    """``parts``: the unflipped pictures in RGB, empty unless captions are wanted. ``old`` is the caption beside the source."""

    source: SourcePicture
    results: tuple[Result, ...]
    parts: tuple[Image.Image, ...]
    old: str
    look: int | None
    notes: tuple[str, ...]

    @property
    def captions(self) -> int:
        """Count the captions it takes: one for each part."""
        return 1 + max(result.shown for result in self.results)


class LeaveOutError(Exception):
    """The picture can be read, and is left out all the same; the text says why."""


def develop(source: SourcePicture, settings: PrepareSettings, faces: Faces, *, keep_parts: bool) -> Developed:
    """Read, cut, resize, flip, encode. Raises InputError for what cannot be read, LeaveOutError for what is not wanted."""
    opened = open_picture(source.path)
    size = opened.rgb.size
    if min(size) < settings.min_size:
        raise LeaveOutError(
            f"It has {size[0]} x {size[1]} pixels, and the smallest side wanted is {settings.min_size}."
        )
    cuts = _cuts(opened, settings, faces)
    mask = None if source.mask is None else open_picture(source.mask).rgb.convert("L")
    parts = [render(opened, cut, alpha=settings.alpha, mask=mask, mask_path=source.mask) for cut in cuts]
    return Developed(
        source=source,
        results=tuple(_results(parts, settings)),
        parts=tuple(part.rgb for part in parts) if keep_parts else (),
        old=_old_caption(source),
        look=perceptual_hash(opened.rgb),
        notes=tuple(_notes(source, size, cuts)),
    )


def _cuts(opened: OpenedPicture, settings: PrepareSettings, faces: Faces) -> list[Cut]:
    size, target = opened.rgb.size, (settings.width, settings.height)
    if settings.split and is_oversized(size, settings):
        return pieces(size, settings)
    if settings.fit == "auto":
        cut = auto_sized(size, settings)
        if cut is None:
            raise LeaveOutError(
                f"Every size allowed for auto-sized crops takes more than {settings.error_threshold:.0%} of its "
                f"{size[0]} x {size[1]} pixels. Raise the error threshold, or change the limits."
            )
        return [cut]
    if settings.fit == "focal":
        return [crop(size, target, around=focal_point(opened.rgb, target, settings, faces))]
    return [{"stretch": stretched, "none": lambda size, _target: whole(size)}.get(settings.fit, crop)(size, target)]


def _results(parts: Sequence[Rendered], settings: PrepareSettings) -> Iterator[Result]:
    for number, part in enumerate(parts):
        for each in (part, *(flipped(part, flip) for flip in dict.fromkeys(settings.flip))):
            mask = None if each.mask is None else _png(each.mask)
            yield Result(png=_png(each.image), mask=mask, shown=number)


def _png(image: Image.Image) -> bytes:
    with io.BytesIO() as file:
        image.save(file, "PNG", compress_level=_PNG_LEVEL)
        return file.getvalue()


def _old_caption(source: SourcePicture) -> str:
    return "" if source.caption is None else read_text(source.caption, field="source").strip()


def _notes(source: SourcePicture, size: Size, cuts: Sequence[Cut]) -> Iterator[str]:
    if len(cuts) > 1:
        yield f"Split into {len(cuts)}."
    if any(cut.enlarged for cut in cuts):
        yield f"Enlarged: it has only {size[0]} x {size[1]} pixels."
    try:
        with Image.open(source.path) as file:
            frames = getattr(file, "n_frames", 1)
            if getattr(file, "is_animated", False):
                yield f"Animated: the first of {frames} frames was taken."
    except (OSError, ValueError, SyntaxError, InputError, EOFError):  # it was read a moment ago: only this note is lost
        return
