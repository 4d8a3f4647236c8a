"""The pictures of a run as their files' headers tell of them: how each would be cut, and the words that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..base.errors import InputError
from ..base.sentences import listed
from ..pictures.fit import Box, Size, source_box, target_size
from ..pictures.open import PictureFacts
from ..settings.train_config import TrainConfig
from .captions import FileNameWords, caption_of
from .find import FoundPicture, FoundPictures

MAX_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class DatasetItem:
    """One picture as it is trained; nothing of it has been decoded.

    ``size`` is (width, height) in training pixels, ``source_size`` that of the file after turning, ``box`` what of it is used.
    ``caption_file`` is None where the caption is what the picture's name says, ``mask`` where no mask is used.
    ``transparent`` tells whether some pixel is not opaque; None where only the pixels tell.
    """

    path: Path
    source_size: Size
    size: Size
    box: Box
    caption: str
    caption_file: Path | None = None
    mask: Path | None = None
    repeats: int = 1
    mirrored: bool = False
    transparent: bool | None = False

    @property
    def enlarged(self) -> bool:
        """True where the file has fewer pixels than are trained."""
        return self.box[2] - self.box[0] < self.size[0] - 1 or self.box[3] - self.box[1] < self.size[1] - 1

    def as_mirrored(self) -> DatasetItem:
        """The same picture seen in a mirror."""
        return replace(self, mirrored=not self.mirrored)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """All items in their order, and ``notes``: sentences that a person should see before training."""

    items: tuple[DatasetItem, ...]
    notes: tuple[str, ...] = ()


def item_of(found: FoundPicture, facts: PictureFacts, settings: TrainConfig, *, words: FileNameWords) -> DatasetItem:
    """A picture as it would be trained. Raises InputError for one too small, or a bad caption file."""
    size, box = _cut(found.path, facts.size, settings)
    return DatasetItem(
        path=found.path,
        source_size=facts.size,
        size=size,
        box=box,
        caption=caption_of(found.path, found.caption, words),
        caption_file=found.caption,
        mask=found.mask if settings.masks else None,
        repeats=found.repeats,
        transparent=facts.transparent,
    )


def resized(item: DatasetItem, source_size: Size, settings: TrainConfig) -> DatasetItem:
    """The item of a file that turned out to have another size. Raises InputError where that is too small."""
    size, box = _cut(item.path, source_size, settings)
    return replace(item, source_size=source_size, size=size, box=box)


def _cut(path: Path, source: Size, settings: TrainConfig) -> tuple[Size, Box]:
    size = target_size(source, fit=settings.fit, width=settings.width, height=settings.height)
    if 0 in size:
        raise InputError(f"{path} is too small to train on: {source[0]} x {source[1]} pixels.", field="data")
    return size, source_box(source, size, fit=settings.fit)


def problems_sentence(problems: Sequence[str], *, total: int) -> str:
    """Say why training cannot start: all problems, or the first so many."""
    if len(problems) == 1:
        return problems[0]
    more = [f"… and {len(problems) - MAX_LISTED} more"] if len(problems) > MAX_LISTED else []
    return "\n".join([f"{len(problems)} of {total} pictures cannot be used:", *problems[:MAX_LISTED], *more])


def notes_on(items: Sequence[DatasetItem], found: FoundPictures, settings: TrainConfig) -> list[str]:
    """Collect remarks on the pictures themselves, as sentences; on transparency once it is known of all of them."""
    notes: list[str] = []
    small = [item.path.name for item in items if item.enlarged]
    masked = [picture.path.name for picture in found.pictures if picture.mask is not None]
    if small:
        notes.append(f"Smaller than the training size, so enlarged: {listed(small)}.")
    if all(item.transparent is not None for item in items):
        notes += notes_on_transparency([item.path.name for item in items if item.transparent], settings)
    if settings.masks and not masked:
        notes.append("There are no mask files. They are named NAME_mask.png beside NAME.png.")
    if masked and not settings.masks:
        notes.append(f"There are mask files, which are not used, for: {listed(masked)}.")
    return notes


def notes_on_transparency(transparent: Sequence[str], settings: TrainConfig) -> list[str]:
    """Sentences about the pictures with transparent parts, by name, and about their lack where they are wanted."""
    if transparent and not settings.alpha_weight:
        return [f"With transparent parts, whose stored colours are trained as well: {listed(transparent)}."]
    if settings.alpha_weight and not transparent:
        return ["No picture has an alpha channel, so there is no loss weight to take from it."]
    return []
