"""Paths as people paste them: with the quotes of a file manager, an invisible mark in front, a ``~``, as a file:// address."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote, urlsplit

from .file_kinds import kind_of_file

_QUOTES = {
    '"': '"',
    "'": "'",
    "`": "`",
    "“": "”",
    "”": "”",
    "„": "“”",
    "‘": "’",
    "‚": "‘’",
    "«": "»",
    "»": "«",
    "‹": "›",
}
_DRIVE = re.compile(r"([A-Za-z]):[\\/]")
_VARIABLE = re.compile(r"%(\w+)%")
_ADDRESS = re.compile(r"(?:https?|ftp|s3|gs|hf)://|www\.", re.IGNORECASE)


def pasted_path(text: str) -> Path:
    """The path that ``text`` means: the first reading that exists, else ``text`` without quotes and marks around it.

    A file that really has such a name is found by its name. ``~`` is the home folder and ``file://`` a path in any case;
    environment variables, ``\\ `` as shells write blanks and ``%20`` are tried. Reads nothing but whether files exist.
    """
    if not text.strip():
        return Path(text.strip())
    readings = list(dict.fromkeys(_readings(text)))
    found = next((reading for reading in readings if exists(reading)), None)
    return Path(_plain(text) if found is None else found)


def _readings(text: str) -> Iterator[str]:
    yield text
    plain = _plain(text)
    yield plain
    yield "".join(character for character in plain if unicodedata.category(character) != "Cf")
    expanded = os.path.expandvars(_VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), plain))
    yield expanded
    yield os.path.expanduser(expanded)
    yield re.sub(r"\\(.)", r"\1", plain)
    yield unquote(plain)
    if os.name != "nt" and (drive := _DRIVE.match(plain)):
        yield f"/mnt/{drive[1].lower()}/{plain[3:]}".replace("\\", "/")  # a Windows path, under WSL


def _plain(text: str) -> str:
    """``text`` without marks, blanks and quotes around it, of an address its path, with the home folder in place of ``~``."""
    plain, before = _stripped(text), ""
    if plain.startswith("& ") and plain[2:3] in _QUOTES:  # dropped on a PowerShell
        plain = plain[2:]
    while plain != before:
        before = plain
        if len(plain) > 1 and plain[-1] in _QUOTES.get(plain[0], ""):
            plain = _stripped(plain[1:-1])
    if plain.lower().startswith("file:"):
        plain = _of_address(plain)
    return os.path.expanduser(plain) if plain.startswith("~") else plain


def _of_address(address: str) -> str:
    """``file:///home/me/my%20cats`` -> ``/home/me/my cats``."""
    parts = urlsplit(address)
    path = unquote(parts.path)
    if parts.netloc and parts.netloc.lower() != "localhost":
        path = f"//{parts.netloc}{path}"
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def _stripped(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_mark(text[start]):
        start += 1
    while end > start and _is_mark(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_mark(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc")


def exists(path: str | Path) -> bool:
    """True where there is such a file or folder; a name too long for the file system is none."""
    try:
        os.stat(path)
    except (OSError, ValueError):
        return False
    return True


def is_folder(path: Path) -> bool:
    """The same for folders."""
    return exists(path) and path.is_dir()


def why_no_folder(path: Path, *, given: str = "") -> str:
    """The end of a sentence on a path that is no folder: ``does not exist``, ``is a ZIP archive: unpack it, …``.

    ``given`` is what a person wrote, where that is known.
    """
    text = _plain(given) if given else str(path)
    if _ADDRESS.match(text):
        return "is an address on the web: download it, and give the folder that it is in"
    if exists(path):
        kind = kind_of_file(path)
        return f"is {kind}; give a folder" if kind else "is a file; give its folder"
    if os.name != "nt" and (_DRIVE.match(text) or text.startswith("\\\\")):
        return f"is a path of Windows, and this program runs elsewhere ({PureWindowsPath(text).name} was not found)"
    marks = sorted({f"U+{ord(each):04X}" for each in text if unicodedata.category(each) == "Cf"})
    return f"does not exist (it holds the invisible character {', '.join(marks)})" if marks else "does not exist"
