"""Giving an embedding another name: its file, the name inside, and what lies beside it for its card."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..base.errors import InputError
from ..base.files import disk_errors, write_bytes
from ..embedding.embedding import Embedding
from ..embedding.names import check_new_name
from ..embedding.pair import check_pair_name, negative_name
from ..formats import FORMATS, read_embedding, write_embedding
from ..formats.carrier_json import to_json
from ..formats.containers.png_chunks import with_text
from ..formats.picture_carrier import KEYWORD
from .card_file import companions, read_user_metadata, update_user_metadata
from .find import CARRIER_SUFFIXES, EMBEDDING_SUFFIXES
from .pair_files import pair_of, refuse_negative_half

FORMERLY = "formerly"
"""The note that holds the names an embedding had before: its runs lie under them."""

_MOST_FORMER = 20


def rename_with_partner(path: Path, name: str) -> tuple[Path, ...]:
    """Rename an embedding and, where it is the positive half of a pair, the negative half too; the new files.

    Each then names the other as it is called now, also on its card. Raises as ``rename_embedding``, and for a negative half,
    which follows its positive one; then nothing was changed.
    """
    refuse_negative_half(path, action="Rename")
    pair = pair_of(path)
    if pair is None:
        return (rename_embedding(path, name),)
    check_pair_name(name)
    halves = (
        _planned(pair.negative, negative_name(name), partner=name),
        _planned(pair.positive, name, partner=negative_name(name)),
    )
    _carry_out(halves, partner=negative_name(name))
    return halves[1].new, halves[0].new


def rename_embedding(path: Path, name: str) -> Path:
    """Rename the embedding in ``path`` and return its new file.

    The name inside follows where prompts go by it (pictures), or where it was the file's; then the notes keep the old one,
    by which its runs are found. The card's files come along unless another embedding of the old name stays. A rename that
    was cut short is gone on with. Raises InputError for a bad or taken name and for a file that cannot be renamed alone;
    then nothing was changed.
    """
    planned = _planned(path, name)
    _carry_out((planned,))
    return planned.new


def is_cut_short(path: Path, target: Path) -> bool:
    """True where ``target`` holds the very vectors of ``path``: what was to replace it was written, and it was not removed."""
    if path == target or not target.is_file():
        return False
    try:
        first, second = read_embedding(path).vectors, read_embedding(target).vectors
    except InputError:
        return False
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@dataclass(frozen=True, kw_only=True)
class _Renaming:
    """One file and its new name. ``changed`` is what the new file holds; None where the old one is only moved."""

    old: Path
    new: Path
    changed: Embedding | None
    cards: Mapping[Path, Path]

    @property
    def is_written(self) -> bool:
        return is_cut_short(self.old, self.new)

    def write(self) -> None:
        """Make the new file; the old one stays where the new one is another."""
        if self.changed is None:
            with disk_errors(self.new):
                self.old.rename(self.new)
        elif self.changed.file_format == "png":
            text = b64encode(to_json(self.changed).encode())
            write_bytes(self.new, with_text(self.old.read_bytes(), keyword=KEYWORD.encode(), text=text))
        else:
            write_embedding(self.changed, self.new, file_format=self.changed.file_format)

    def take_back(self) -> None:
        """Undo ``write``."""
        if self.changed is None:
            self.new.rename(self.old)
        elif not _same(self.old, self.new):
            self.new.unlink()

    def remove_old(self) -> None:
        with disk_errors(self.old):
            if self.old != self.new and self.old.exists() and not _same(self.old, self.new):
                self.old.unlink()


def _planned(path: Path, name: str, *, partner: str = "") -> _Renaming:
    """Raises InputError where ``name`` cannot be, or is taken by anything but the same rename, cut short."""
    check_new_name(name)
    if name == path.stem:
        raise InputError(f"It is called {name!r} already.", field="name")
    embedding = read_embedding(path)
    _check_alone(path, embedding)
    target = path.with_name(f"{name}{path.suffix}")
    cards = {old: old.with_name(name + old.name[len(path.stem) :]) for old in own_companions(path)}
    for old, new in {path: target, **cards}.items():
        same = new.exists() and new.samefile(old)  # letters in another case on Windows or macOS
        if new.exists() and not same and not (old == path and is_cut_short(path, target)):
            raise InputError(f"There is a file called {new.name!r} already. Choose another name.", field="name")
    return _Renaming(old=path, new=target, changed=_renamed(path, embedding, name, partner=partner), cards=cards)


def _renamed(path: Path, embedding: Embedding, name: str, *, partner: str) -> Embedding | None:
    """The embedding as the new file holds it; None where nothing inside changes."""
    notes = embedding.notes
    names_itself = embedding.file_format == "png" or embedding.name == path.stem
    if names_itself:
        notes = with_former(notes, old=embedding.name or path.stem, new=name)
    if partner and "partner" in notes:
        notes = {**notes, "partner": partner}
    inside = name if names_itself else embedding.name
    if embedding.file_format not in FORMATS or (inside, notes) == (embedding.name, embedding.notes):
        return None
    return replace(embedding, name=inside, notes=notes)


def _carry_out(renamings: Sequence[_Renaming], *, partner: str = "") -> None:
    """Write all new files before any old one goes; what an error interrupts is taken back. The last one's card names the
    ``partner``, where it named one before."""
    written: list[_Renaming] = []
    try:
        for each in renamings:
            if not each.is_written:
                each.write()
                written.append(each)
    except BaseException:
        for each in written:
            each.take_back()
        raise
    for each in renamings:
        with disk_errors(each.new):
            for old, new in each.cards.items():
                old.rename(new)
    if partner and read_user_metadata(renamings[-1].new).partner:
        update_user_metadata(renamings[-1].new, partner=partner)
    for each in renamings:
        each.remove_old()


def own_companions(path: Path) -> list[Path]:
    """The files of its card; none where another embedding of this name shares them, and no picture that is one itself."""
    others = [path.with_name(f"{path.stem}{suffix}") for suffix in EMBEDDING_SUFFIXES]
    if any(other != path and other.is_file() for other in others):
        return []
    return [file for file in companions(path) if not carries_embedding(file)]


def carries_embedding(path: Path) -> bool:
    """Tell whether a picture holds an embedding."""
    if path.suffix.lower() not in CARRIER_SUFFIXES or path.stem.endswith(".preview"):
        return False
    try:
        read_embedding(path)
    except InputError:
        return False
    return True


def _check_alone(path: Path, embedding: Embedding) -> None:
    if embedding.file_format == "diffusers" and len(embedding.vectors) > 1:
        raise InputError(
            f"{path.name} is one of two files that belong together. Convert the embedding to a single file first.",
            field="name",
        )
    if embedding.file_format == "webp":
        raise InputError(
            f"The name of {path.name} is hidden in its pixels. Convert it to another format first.", field="name"
        )


def _same(first: Path, second: Path) -> bool:
    return second.exists() and first.samefile(second)


def former_names(notes: Mapping[str, str]) -> list[str]:
    """Oldest first; of a file that somebody wrote into, no more than a few."""
    return [name for name in notes.get(FORMERLY, "").splitlines() if name.strip()][:_MOST_FORMER]


def with_former(notes: Mapping[str, str], *, old: str, new: str) -> dict[str, str]:
    """The notes after a renaming. Going back to an earlier name forgets it and those after it."""
    names = [*former_names(notes), old]
    before = names[: names.index(new)] if new in names else names
    rest = {key: value for key, value in notes.items() if key != FORMERLY}
    return {**rest, FORMERLY: "\n".join(before)} if before else rest
