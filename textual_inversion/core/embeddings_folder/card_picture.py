"""The picture on an embedding's card: ``NAME.preview.png`` beside it.

Not ``NAME.png``: web UIs open every other picture among the embeddings to see whether it is one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from ..base.errors import InputError
from ..base.files import write_bytes
from ..pictures.open import open_picture
from ..pictures.png import png_bytes
from .card_file import companions

_MARK = "textual_inversion"
"""A text chunk of pictures that a run put there: the digest of its pixels. A person's picture has none, or another's."""
_PARAMETERS = "parameters"


def preview_path(embedding: Path) -> Path:
    return embedding.with_name(f"{embedding.stem}.preview.png")


def card_picture(embedding: Path) -> Path | None:
    """The picture that cards show: a person's own before that of a run."""
    found = [path for path in companions(embedding) if path.suffix not in (".json", ".txt")]
    theirs = [path for path in found if not _is_ours(path)]
    return next(iter([*theirs, *found]), None)


def set_card_picture(embedding: Path, picture: Path) -> Path:
    """Show ``picture`` on the card because a person chose it: no run replaces it any more.

    A ``NAME.preview.*`` of another format is removed, as web UIs might go on showing it.
    Raises InputError where it is no picture, ResourceError where the card's cannot be written.
    """
    path = preview_path(embedding)
    data = png_bytes(open_picture(picture).rgb, {_PARAMETERS: _parameters(picture)})
    write_bytes(path, data)
    for other in companions(embedding):
        if other != path and other.stem == f"{embedding.stem}.preview":
            other.unlink(missing_ok=True)
    return path


def write_run_picture(embedding: Path, picture: Path) -> Path | None:
    """Show a run's ``picture`` on the card, unless a person has set one: then None. Raises as ``set_card_picture``."""
    current = card_picture(embedding)
    if current is not None and not _is_ours(current):
        return None
    path = preview_path(embedding)
    image = open_picture(picture).rgb
    write_bytes(path, png_bytes(image, {_PARAMETERS: _parameters(picture), _MARK: _digest(image)}))
    return path


def _is_ours(path: Path) -> bool:
    """Edited or replaced, it is a person's; one that cannot be read too."""
    mark = _text_of(path, _MARK)
    try:
        return bool(mark) and mark == _digest(open_picture(path).rgb)
    except InputError:
        return False


def _parameters(path: Path) -> str:
    return _text_of(path, _PARAMETERS)


def _text_of(path: Path, key: str) -> str:
    try:
        with Image.open(path) as file:
            value = file.info.get(key)
    except (OSError, ValueError, SyntaxError):
        return ""
    return value if isinstance(value, str) else ""


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()
