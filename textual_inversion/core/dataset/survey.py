"""A quick look at the pictures of a run: what ``load_dataset`` would find, without decoding each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError
from ..pictures.open import peek_picture
from .captions import FileNameWords
from .find import FolderSpec, find_pictures
from .load import Dataset, DatasetItem, DatasetOptions, item_of, notes_on


@dataclass(frozen=True, kw_only=True)
class Survey:
    """``items`` are the pictures that can be trained, without their weights; ``problems`` a sentence for each other one."""

    items: tuple[DatasetItem, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def dataset(self) -> Dataset:
        """In place of the whole one, where no pixels are needed."""
        return Dataset(items=self.items, notes=self.notes)


def survey(data: Sequence[str | Path | FolderSpec], options: DatasetOptions, *, recursive: bool = False) -> Survey:
    """Look at every picture. Raises InputError where a folder cannot be read or holds no picture."""
    found = find_pictures(data, recursive=recursive)
    words = FileNameWords(regex=options.filename_regex, join=options.filename_join)
    items: list[DatasetItem] = []
    problems: list[str] = []
    for picture in found.pictures:
        try:
            items.append(item_of(picture, peek_picture(picture.path), options, words=words))
        except InputError as error:
            problems.append(error.message)
    return Survey(
        items=tuple(items),
        problems=tuple(problems),
        notes=(*found.notes, *notes_on(items, found, options)),
    )
