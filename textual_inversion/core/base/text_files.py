"""Reading the small text files that people write: templates and captions."""

from __future__ import annotations

import codecs
import locale
from pathlib import Path

from .errors import InputError
from .file_kinds import HEAD, placeholder_text

MAX_BYTES = 1 << 20
_TORN_BOM = "\u00ef\u00bb\u00bf"
"""A BOM that some program has read as letters and written again."""


def read_text(path: Path, *, field: str | None = None) -> str:
    """The text of a file in UTF-8 (a BOM is dropped), UTF-16 with its BOM, or the system's own encoding.

    A1111 reads templates in the system's encoding and captions in UTF-8; both kinds of files exist. Raises InputError
    for a file that cannot be read, is no text, or is larger than 1 MiB.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", field=field) from error
    if len(content) > MAX_BYTES:
        raise InputError(f"{path} is larger than 1 MiB; that is no file of prompts or captions.", field=field)
    if (kind := placeholder_text(content[:HEAD], size=len(content))) is not None:
        raise InputError(f"{path} is {kind.removesuffix('.')}.", field=field)
    text = _decode(content)
    if text is None or "\0" in text:
        raise InputError(f"{path} is not a text file. Save it as UTF-8 text.", field=field)
    return text.removeprefix(_TORN_BOM).lstrip("\ufeff")


def _decode(content: bytes) -> str | None:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", locale.getpreferredencoding(False), "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return None
