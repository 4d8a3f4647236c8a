"""A look at the pictures of a run, without decoding them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError
from ..pictures.open import PictureFacts, peek_picture, read_header
from ..settings.train_config import TrainConfig
from .captions import FileNameWords
from .find import FolderSpec, find_pictures
from .items import Dataset, DatasetItem, item_of, notes_on, problems_sentence


@dataclass(frozen=True, kw_only=True)
class Survey:
    """``items`` are the pictures that can be trained; ``problems`` a sentence for each other one."""

    items: tuple[DatasetItem, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def dataset(self, *, flip: bool) -> Dataset:
        """The pictures as they are trained: with ``flip`` each is followed by its mirror image.

        Raises one InputError with all problems.
        """
        if self.problems:
            total = len(self.items) + len(self.problems)
            raise InputError(problems_sentence(self.problems, total=total), field="data")
        items = self.items
        if flip:
            items = tuple(each for item in items for each in (item, item.as_mirrored()))
        return Dataset(items=items, notes=self.notes)


def survey(settings: TrainConfig, *, whole: bool = False, folders: Sequence[str | FolderSpec] | None = None) -> Survey:
    """Look at every picture of ``folders``, else of the settings' own.

    Raises InputError where a folder cannot be read or holds no picture.

    Headers alone tell sizes, and find what is no picture. With ``whole``, files are also read to their end, as far as that is
    cheaper than decoding: that finds those that are cut off or damaged, and tells which pictures have transparent parts.
    """
    found = find_pictures(settings.data if folders is None else folders, recursive=settings.recursive)
    words = FileNameWords(regex=settings.filename_regex, join=settings.filename_join)
    items: list[DatasetItem] = []
    problems: list[str] = []
    for picture in found.pictures:
        try:
            items.append(item_of(picture, _facts(picture.path, whole=whole), settings, words=words))
        except InputError as error:
            problems.append(error.message)
    return Survey(
        items=tuple(items),
        problems=tuple(problems),
        notes=(*found.notes, *notes_on(items, found, settings)),
    )


def _facts(path: Path, *, whole: bool) -> PictureFacts:
    return peek_picture(path) if whole else read_header(path)
