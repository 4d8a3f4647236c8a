"""Giving an embedding another name: its file, the name inside, and what lies beside it for its card."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

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
from .find import FILES, PICTURES
from .former_names import with_former
from .pair_files import Pair, pair_of, refuse_negative_half


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
    other = rename_embedding(pair.negative, negative_name(name))
    try:
        new = rename_embedding(path, name)
    except BaseException:
        rename_embedding(other, pair.negative.stem)
        raise
    _name_each_other(Pair(new, other))
    return new, other


def _name_each_other(pair: Pair) -> None:
    for path, partner in ((pair.positive, pair.negative.stem), (pair.negative, pair.positive.stem)):
        embedding = read_embedding(path)
        if "partner" in embedding.notes:
            notes = {**embedding.notes, "partner": partner}
            write_embedding(replace(embedding, notes=notes), path, file_format=embedding.file_format)
    if read_user_metadata(pair.positive).partner:
        update_user_metadata(pair.positive, partner=pair.negative.stem)


def rename_embedding(path: Path, name: str) -> Path:
    """Rename the embedding in ``path`` and return its new file.

    The name inside follows where prompts go by it (pictures), or where it was the file's; then the notes keep the old one,
    by which its runs are found. The card's files come along unless
    another embedding of the old name stays. Raises InputError for a bad or taken name and for a file that cannot be
    renamed alone; then nothing was changed.
    """
    check_new_name(name)
    target = path.with_name(f"{name}{path.suffix}")
    if name == path.stem:
        raise InputError(f"It is called {name!r} already.", field="name")
    embedding = read_embedding(path)
    _check_alone(path, embedding)
    moves = {old: old.with_name(name + old.name[len(path.stem) :]) for old in own_companions(path)}
    for old, new in {path: target, **moves}.items():
        if new.exists() and not new.samefile(old):  # the same one: letters in another case on Windows or macOS
            raise InputError(f"There is a file called {new.name!r} already. Choose another name.", field="name")
    _write_renamed(path, target, embedding, name)
    with disk_errors(path):
        for old, new in moves.items():
            old.rename(new)
        if path != target and path.exists() and not _same(path, target):
            path.unlink()
    return target


def own_companions(path: Path) -> list[Path]:
    """The files of its card; none where another embedding of this name shares them, and no picture that is one itself."""
    others = [path.with_name(f"{path.stem}{suffix}") for suffix in FILES]
    if any(other != path and other.is_file() for other in others):
        return []
    return [file for file in companions(path) if not carries_embedding(file)]


def carries_embedding(path: Path) -> bool:
    """Tell whether a picture holds an embedding."""
    if path.suffix.lower() not in PICTURES or path.stem.endswith(".preview"):
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


def _write_renamed(path: Path, target: Path, embedding: Embedding, name: str) -> None:
    changed = replace(
        embedding, name=name, notes=with_former(embedding.notes, old=embedding.name or path.stem, new=name)
    )
    if embedding.file_format == "png":
        text = b64encode(to_json(changed).encode())
        write_bytes(target, with_text(path.read_bytes(), keyword=KEYWORD.encode(), text=text))
    elif embedding.name == path.stem and embedding.file_format in FORMATS:
        write_embedding(changed, target, file_format=embedding.file_format)
    else:
        with disk_errors(target):
            path.rename(target)


def _same(first: Path, second: Path) -> bool:
    return second.exists() and first.samefile(second)
