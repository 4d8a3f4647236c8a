"""The text file that is a picture's caption: one rule for the editor, checks, preprocessing and training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..base.spelling import folded

ENDINGS = (".txt", ".caption")
"""A1111's and kohya's own, in the order in which they are looked for, in letters of any case."""


class CaptionFiles:
    """The captions among some files.

    The caption of ``NAME.png`` is ``NAME.txt``, else ``NAME.caption``, else ``NAME.png.txt``, else ``NAME.png.caption``.
    Capitals and the way accents are stored do not count, except that of two such files the one spelled as the picture
    goes first.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._texts: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        for file in files:
            if is_text(file):
                self._texts[file.parent, folded(file.name)].append(file)

    def of(self, picture: Path) -> Path | None:
        """The caption of ``picture``; None where there is none."""
        return next(iter(self._candidates(picture)), None)

    def not_read(self, pictures: Sequence[Path]) -> tuple[Path, ...]:
        """Captions that lie beside pictures whose caption is another file."""
        read = {self.of(picture) for picture in pictures}
        return tuple(file for picture in pictures for file in self._candidates(picture) if file not in read)

    def without_picture(self, pictures: Sequence[Path]) -> tuple[Path, ...]:
        """Text files that are the caption of none of the pictures."""
        beside = {file for picture in pictures for file in self._candidates(picture)}
        return tuple(file for files in self._texts.values() for file in files if file not in beside)

    def _candidates(self, picture: Path) -> list[Path]:
        found: list[Path] = []
        for stem in (picture.stem, picture.name):
            for ending in ENDINGS:
                files = self._texts.get((picture.parent, folded(stem + ending)), ())
                found += sorted(files, key=lambda file: (not file.name.startswith(stem), file.name))
        return found


def is_text(file: Path) -> bool:
    """True for files that may be captions, by their name."""
    return file.name.casefold().endswith(ENDINGS) and not file.name.startswith(".")


def new_caption_file(picture: Path) -> Path:
    """The file that gets the caption of a picture that has none."""
    return picture.with_name(f"{picture.stem}.txt")
