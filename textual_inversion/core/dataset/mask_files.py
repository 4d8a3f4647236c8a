"""The grey picture that is another picture's mask: one rule for the page, checks, preprocessing and training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..base.spelling import folded

MASK_ENDINGS = ("_mask", "_att", "-masklabel")
"""Ends of a mask's name before its suffix: NAME_mask.png, DreamArtist's NAME_att.png, OneTrainer's NAME-masklabel.png."""


class MaskFiles:
    """The masks among ``files``, which are pictures in natural order: of several masks of one picture the first counts."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._stems = {(file.parent, folded(file.stem)) for file in files}
        self._masks: dict[tuple[Path, str], list[Path]] = {}
        for file in files:
            if owner := owner_of(file):
                self._masks.setdefault((file.parent, folded(owner)), []).append(file)

    def of(self, picture: Path) -> Path | None:
        """The mask of ``picture``; None where there is none."""
        return next(iter(self.all_of(picture)), None)

    def all_of(self, picture: Path) -> list[Path]:
        """The mask that counts, and files that are passed over because of it."""
        return self._masks.get((picture.parent, folded(picture.stem)), [])

    def has_picture(self, mask: Path) -> bool:
        """Tell whether the picture is there that ``mask`` would be the mask of."""
        owner = owner_of(mask)
        return owner is not None and (mask.parent, folded(owner)) in self._stems


def owner_of(file: Path) -> str | None:
    """The stem of the picture that ``file`` would be the mask of, by its name; None where it is named like no mask."""
    stem = file.stem
    ending = next((each for each in MASK_ENDINGS if stem.casefold().endswith(each)), "")
    return stem[: -len(ending)] if ending and len(stem) > len(ending) else None
