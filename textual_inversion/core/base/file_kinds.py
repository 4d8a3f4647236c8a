"""Kinds of files in words, from their first bytes: for messages about files that are not what was wanted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

HEAD = 4096
"""Bytes that are looked at."""

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0\x10\0\0\0CR", "a camera's raw picture"),
    (b"FUJIFILMCCD-RAW", "a camera's raw picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"8BPS", "a PSD picture"),
    (b"gimp xcf", "a GIMP picture"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"BZh", "a bzip2 archive: unpack it"),
    (b"\xfd7zXZ\0", "an xz archive: unpack it"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive: unpack it"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"PK\x03\x04", "a ZIP archive: unpack it"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"GGUF", "a GGUF model"),
    (b"SQLite format 3\0", "a database"),
    (b"MZ", "a program for Windows"),
    (b"\x7fELF", "a program for Linux"),
    (b"L\0\0\0\x01\x14\x02\0", "a shortcut of Windows: give the file that it leads to"),
    (b"\0\x05\x16\x07", "what macOS keeps beside a file (its name begins with ._), and not the file"),
    (b"bplist00", "a shortcut or settings file of macOS"),
    (b"d8:announce", "a torrent: download the file itself with it"),
)
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "a HEIC picture"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture"),
    b"crx ": "a camera's raw picture",
}
_MESSAGE_KEYS = ("message", "error", "detail", "error_description")


def kind_of_file(path: Path) -> str | None:
    """The kind of a file, or None where that is not known. Raises nothing."""
    try:
        with path.open("rb") as file:
            return kind_of(file.read(HEAD), size=path.stat().st_size)
    except (OSError, ValueError):
        return None


def kind_of(head: bytes, *, size: int) -> str | None:
    """The same from the first bytes of a file of ``size`` bytes: ``a Git LFS pointer, 129 bytes: download …``."""
    if not size:
        return "empty"
    if not head.strip(b"\0"):
        return "nothing but zero bytes: the download or the copy was cut off"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "a video")
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"AVI ", b"WAVE"):
        return {b"WEBP": "a WebP picture", b"AVI ": "a video"}.get(head[8:12], "a sound")
    if head[257:262] == b"ustar":
        return "a tar archive: unpack it"
    named = next((words for start, words in _STARTS if head.startswith(start)), None)
    return named or _kind_of_text(head, size=size)


def placeholder_text(head: bytes, *, size: int) -> str | None:
    """The kind of a text that stands for a file which was not downloaded: a pointer, a web page, a server's message."""
    text = _text(head)
    return None if text is None else _stand_in(text, size=size)


def _kind_of_text(head: bytes, *, size: int) -> str | None:
    text = _text(head)
    if text is None:
        return None
    if (stand_in := _stand_in(text, size=size)) is not None:
        return stand_in
    if text.startswith(("{", "[")):
        return "JSON text"
    return f"a text ({_short(text, 40)!r})" if _is_readable(text) else None


def _stand_in(text: str, *, size: int) -> str | None:
    low = text[:1000].lower()
    if low.startswith(("version https://git-lfs", "version https://hawser")):
        return (
            f"a Git LFS pointer, {size} bytes: download the file itself (git lfs pull, or the page's download button)"
        )
    if "/annex/objects/" in low and size < 1000:
        return f"a git-annex pointer, {size} bytes: download the file itself (git annex get)"
    if low.startswith("<svg") or (low.startswith("<?xml") and "<svg" in low):
        return "an SVG drawing"
    if low.startswith(("<!doctype html", "<html", "<head", "<body", "<script", "<!-- ")) or "<html" in low:
        title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
        told = f" ({_short(title[1], 60)!r})" if title and title[1].strip() else ""
        return f"a web page{told}: the download brought that in place of the file. Log in there, and download it again"
    if low.startswith("<?xml") and (found := re.search(r"<message>([^<]+)", text, re.IGNORECASE)):
        return f"a message of the server: {_short(found[1], 120)!r}"
    if low.startswith(("[internetshortcut]", "[desktop entry]")):
        return "a shortcut: give the file that it leads to"
    return _server_message(text) if text.startswith("{") else None


def _server_message(text: str) -> str | None:
    try:
        root: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(root, dict):
        return None
    found = cast("dict[str, object]", root)
    told = [value for key in _MESSAGE_KEYS if isinstance(value := found.get(key), str) and value.strip()]
    return f"a message of the server: {_short(told[0], 120)!r}" if told else None


def _text(head: bytes) -> str | None:
    for encoding in ("utf-8-sig", "utf-16") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return head.decode(encoding).strip()
        except UnicodeDecodeError as error:
            if len(head) == HEAD and error.start > len(head) - 4:  # cut within a letter
                return head[: error.start].decode(encoding).strip()
    return None


def _is_readable(text: str) -> bool:
    return bool(text) and all(character.isprintable() or character in "\r\n\t" for character in text)


def _short(text: str, length: int) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= length else f"{plain[:length]}…"
