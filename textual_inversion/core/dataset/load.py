"""The pictures of a run: found, checked, cut to size, captioned and weighted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image, ImageOps

from ..base.errors import InputError
from ..base.sentences import listed
from ..pictures.fit import LATENT_FACTOR, Box, Size, fit_image, source_box, target_size, to_pixels
from ..pictures.masks import is_graded, loss_weights, scaled_box
from ..pictures.open import OpenedPicture, PictureFacts, open_picture
from ..settings.pictures import Fit
from .captions import FileNameWords, caption_of
from .find import Findings, FolderSpec, FoundPicture, find_pictures

MAX_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class DatasetItem:
    """One picture as it is trained. Pixels are read when asked for; everything else is known from the first reading.

    ``size`` is (width, height) in training pixels, ``source_size`` that of the file after turning, ``box`` what of it
    is used. ``weights`` is float32 [height / 8, width / 8] with mean 1, None where every latent counts the same.
    ``caption_file`` is None where the caption is what the picture's name says.
    """

    path: Path
    source_size: Size
    size: Size
    box: Box
    caption: str
    caption_file: Path | None = None
    repeats: int = 1
    mirrored: bool = False
    weights: torch.Tensor | None = None
    transparent: bool = False

    @property
    def enlarged(self) -> bool:
        """True where the file has fewer pixels than are trained."""
        return self.box[2] - self.box[0] < self.size[0] - 1 or self.box[3] - self.box[1] < self.size[1] - 1

    def pixels(self) -> torch.Tensor:
        """float32 [3, height, width] in [-1, 1]. Raises InputError where the file is no longer what it was."""
        image = open_picture(self.path).rgb
        if image.size != self.source_size:
            raise InputError(f"{self.path} has changed since it was first read.", field="data")
        image = fit_image(image, box=self.box, size=self.size)
        return to_pixels(ImageOps.mirror(image) if self.mirrored else image)

    def as_mirrored(self) -> DatasetItem:
        """The same picture seen in a mirror, its weights too."""
        weights = None if self.weights is None else self.weights.flip(-1)
        return replace(self, mirrored=not self.mirrored, weights=weights)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """All items in their order, and ``notes``: sentences that a person should see before training."""

    items: tuple[DatasetItem, ...]
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[Size, ...]:
        """The size of each item: only items of one size can share a batch."""
        return tuple(item.size for item in self.items)

    @property
    def repeats(self) -> tuple[int, ...]:
        """Count the appearances of each item in an epoch."""
        return tuple(item.repeats for item in self.items)


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """Options of reading pictures; the fields are those of ``TrainConfig``. ``width`` and ``height`` are multiples of 8."""

    width: int
    height: int
    fit: Fit = "center"
    flip: bool = False
    alpha_weight: bool = False
    masks: bool = False
    mask_floor: float = 0.0
    filename_regex: str = ""
    filename_join: str = " "


def load_dataset(
    data: Sequence[str | Path | FolderSpec],
    options: DatasetOptions,
    *,
    recursive: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read every picture of the folders once, which proves that all of them can be read.

    ``flip`` adds a mirrored copy of each, so that each is seen mirrored half of the time. ``on_progress`` is called with
    (done, total) and may raise to stop. Raises one InputError with the problems of all pictures, masks and captions.
    """
    found = find_pictures(data, recursive=recursive)
    words = FileNameWords(regex=options.filename_regex, join=options.filename_join)
    items: list[DatasetItem] = []
    problems: list[str] = []
    for done, picture in enumerate(found.pictures, start=1):
        try:
            items.append(_load_item(picture, options, words=words))
        except InputError as error:
            problems.append(error.message)
        if on_progress is not None:
            on_progress(done, len(found.pictures))
    if problems:
        raise InputError(problems_sentence(problems, total=len(found.pictures)), field="data")
    notes = (*found.notes, *notes_on(items, found, options))
    if options.flip:
        items = [each for item in items for each in (item, item.as_mirrored())]
    return Dataset(items=tuple(items), notes=notes)


def _load_item(picture: FoundPicture, options: DatasetOptions, *, words: FileNameWords) -> DatasetItem:
    opened = open_picture(picture.path)
    facts = PictureFacts(size=opened.rgb.size, transparent=opened.alpha is not None)
    item = item_of(picture, facts, options, words=words)
    return replace(item, weights=_weights(picture, opened, options, box=item.box, size=item.size))


def item_of(
    picture: FoundPicture, facts: PictureFacts, options: DatasetOptions, *, words: FileNameWords
) -> DatasetItem:
    """A picture as it would be trained, still without weights. Raises InputError for one too small, or a bad caption file."""
    source = facts.size
    size = target_size(source, fit=options.fit, width=options.width, height=options.height)
    if 0 in size:
        raise InputError(f"{picture.path} is too small to train on: {source[0]} x {source[1]} pixels.", field="data")
    return DatasetItem(
        path=picture.path,
        source_size=source,
        size=size,
        box=source_box(source, size, fit=options.fit),
        caption=caption_of(picture.path, picture.caption, words),
        caption_file=picture.caption,
        repeats=picture.repeats,
        transparent=facts.transparent,
    )


def _weights(
    picture: FoundPicture, opened: OpenedPicture, options: DatasetOptions, *, box: Box, size: Size
) -> torch.Tensor | None:
    """From the mask file where there is one, since it was made for nothing else; else from the alpha channel."""
    latents = (size[0] // LATENT_FACTOR, size[1] // LATENT_FACTOR)
    if options.masks and picture.mask is not None:
        mask = _grey(open_picture(picture.mask))
        box = scaled_box(box, picture=opened.rgb.size, mask=mask.size, path=picture.mask)
        graded = is_graded(picture.mask)
        return loss_weights(mask, box=box, size=latents, floor=options.mask_floor, path=picture.mask, graded=graded)
    if options.alpha_weight and opened.alpha is not None:
        return loss_weights(opened.alpha, box=box, size=latents, floor=options.mask_floor, path=picture.path)
    return None


def _grey(mask: OpenedPicture) -> Image.Image:
    """A mask's grey; of one drawn in the transparency of a plain white or black layer, that transparency."""
    grey = mask.rgb.convert("L")
    low, high = grey.getextrema()
    return mask.alpha if mask.alpha is not None and low == high else grey


def problems_sentence(problems: Sequence[str], *, total: int) -> str:
    """Say why training cannot start: all problems, or the first so many."""
    if len(problems) == 1:
        return problems[0]
    more = [f"… and {len(problems) - MAX_LISTED} more"] if len(problems) > MAX_LISTED else []
    return "\n".join([f"{len(problems)} of {total} pictures cannot be used:", *problems[:MAX_LISTED], *more])


def notes_on(items: Sequence[DatasetItem], found: Findings, options: DatasetOptions) -> list[str]:
    """Collect remarks on the pictures themselves, as sentences."""
    notes: list[str] = []
    small = [item.path.name for item in items if item.enlarged]
    transparent = [item.path.name for item in items if item.transparent]
    masked = [picture.path.name for picture in found.pictures if picture.mask is not None]
    if small:
        notes.append(f"Smaller than the training size, so enlarged: {listed(small)}.")
    if transparent and not options.alpha_weight:
        notes.append(f"With transparent parts, whose stored colours are trained as well: {listed(transparent)}.")
    if options.alpha_weight and not transparent:
        notes.append("No picture has an alpha channel, so there is no loss weight to take from it.")
    if options.masks and not masked:
        notes.append("There are no mask files. They are named NAME_mask.png beside NAME.png.")
    if masked and not options.masks:
        notes.append(f"There are mask files, which are not used, for: {listed(masked)}.")
    return notes
