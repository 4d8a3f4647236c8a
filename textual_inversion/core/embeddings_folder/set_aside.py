"""Keeping what a finished embedding takes the place of, outside the folder in which web UIs look."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

from .find import EMBEDDING_SUFFIXES


def set_aside_others(path: Path, *, origin: Path | None, into: Path) -> list[str]:
    """Move other files of ``path``'s name, and ``origin`` (what training began with), to ``into``: a web UI would read
    them in its place. One sentence for each."""
    same_name = [path.with_suffix(suffix) for suffix in EMBEDDING_SUFFIXES]
    others = [*same_name, origin] if origin else same_name
    return [_set_aside(other, into) for other in others if other.exists() and not other.samefile(path)]


def keep_copy(path: Path, *, into: Path) -> Path | None:
    """Copy ``path`` to ``into``; where it is now. None where there is no file, or ``into`` holds the same one already."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    if any(other.read_bytes() == content for other in into.glob(f"{path.stem}*{path.suffix}")):
        return None
    into.mkdir(parents=True, exist_ok=True)
    target = unused(into / path.name)
    shutil.copyfile(path, target)
    return target


def unused(path: Path) -> Path:
    """``path``, or the first of path-2, path-3, … that is not there."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(2))
    return path if not path.exists() else next(each for each in numbered if not each.exists())


def _set_aside(other: Path, into: Path) -> str:
    target = unused(into / other.name)
    try:
        into.mkdir(exist_ok=True)
        shutil.copyfile(other, target)
        other.unlink()
    except OSError as error:  # the embedding itself is safe already
        return f"{other} has the same name and could not be moved away ({error}); a web UI may read it instead."
    return f"{other} had the same name and was moved to {target}."
