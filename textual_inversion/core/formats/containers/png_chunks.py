"""The chunks of a PNG file, read without decoding the picture and without believing any length."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ...base.errors import FileFormatError
from .limits import MAX_JSON_BYTES

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


@dataclass(frozen=True, kw_only=True)
class PngChunks:
    """``size`` is (width, height) in pixels as declared; ``bare`` the picture alone, without any text."""

    size: tuple[int, int]
    text: bytes | None
    bare: bytes


def read_png_chunks(data: bytes, *, keyword: bytes) -> PngChunks:
    """Find the text stored under ``keyword`` (tEXt, zTXt or iTXt; inflated to MAX_JSON_BYTES * 4 / 3 at most).

    Raises FileFormatError where the file is cut off or its text inflates without end.
    """
    size: tuple[int, int] | None = None
    text: bytes | None = None
    picture: list[bytes] = [PNG_SIGNATURE]
    for kind, body, raw in _chunks(data):
        if kind == b"IHDR" and size is None and len(body) >= 8:
            size = struct.unpack(">II", body[:8])
        if kind in _PICTURE_CHUNKS:
            picture.append(raw)
        elif text is None and body.startswith(keyword + b"\0"):
            text = _text(kind, body[len(keyword) + 1 :])
    if size is None:
        raise FileFormatError("it begins like a PNG picture but has no header: it was cut off or damaged")
    return PngChunks(size=size, text=text, bare=b"".join(picture))


def with_text(data: bytes, *, keyword: bytes, text: bytes) -> bytes:
    """The same PNG with ``text`` (Latin-1) under ``keyword``, in place of what stood there; all else stays."""
    body = b"tEXt" + keyword + b"\0" + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    parts: list[bytes] = [PNG_SIGNATURE]
    for kind, content, raw in _chunks(data):
        if kind in _PICTURE_CHUNKS or not content.startswith(keyword + b"\0"):
            parts.append(raw)
        if kind == b"IHDR":
            parts.append(chunk)
    return b"".join(parts)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(type, body, whole chunk) of every complete chunk; a cut last chunk is left out."""
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return
        yield kind, data[position + 8 : end - 4], data[position:end]
        position = end


def _text(kind: bytes, rest: bytes) -> bytes | None:
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt" and rest[:1] == b"\0":
        return _inflate(rest[1:])
    if kind == b"iTXt" and len(rest) > 2:
        packed = rest[0] == 1
        text = rest[2:].split(b"\0", 2)[-1]  # after language and translated keyword
        return _inflate(text) if packed else text
    return None


def _inflate(packed: bytes) -> bytes:
    limit = MAX_JSON_BYTES * 4 // 3
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, limit)
    except zlib.error as error:
        raise FileFormatError("the text in the picture cannot be inflated: it was damaged") from error
    if not inflater.eof:
        raise FileFormatError(f"the text in the picture inflates to more than {limit} bytes, or was cut off")
    return text
