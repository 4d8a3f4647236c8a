"""Embeddings in pictures: A1111's text chunk first, then the pixels."""

from __future__ import annotations

import base64
import binascii
import io
import struct
from pathlib import Path

from PIL import Image

from ..base.errors import FileFormatError
from ..base.file_kinds import kind_of
from ..embedding.embedding import Embedding
from .carrier_json import from_json
from .containers.limits import MAX_PICTURE_FILE_BYTES, MAX_PICTURE_PIXELS
from .containers.pixels import decode_pixels
from .containers.png_chunks import PNG_SIGNATURE, read_png_chunks

KEYWORD = "sd-ti-embedding"
"""The text chunk's keyword, A1111's."""

PARTNER_KEYWORD = "textual-inversion-negative"
"""Of the chunk with a pair's negative half, in the form of the other. Ours: DreamArtist's pictures hold the positive one only."""

_NO_EMBEDDING = (
    "it is a picture without an embedding. If it once had one, it was resized, cropped or saved with loss "
    "(JPEG, a chat program), which destroys it: get the original file"
)


def is_picture(head: bytes) -> bool:
    """Tell whether the first bytes are those of a picture of any kind that we know."""
    return head.startswith(PNG_SIGNATURE) or _is_webp(head) or _other_kind(head) is not None


def read_picture(path: Path, head: bytes) -> Embedding:
    """Read the embedding in a PNG or lossless WebP. Raises FileFormatError where there is none, or nothing can be told."""
    if (kind := _other_kind(head)) is not None:
        raise FileFormatError(f"it is {kind}; embeddings are carried by PNG and lossless WebP")
    if path.stat().st_size > MAX_PICTURE_FILE_BYTES:
        raise FileFormatError(
            f"it is a picture of more than {MAX_PICTURE_FILE_BYTES // 2**20} MB, too large to look into"
        )
    data = path.read_bytes()
    if _is_webp(head):
        return _from_pixels(data, _webp_size(data), "webp")
    return _from_png(data)


def read_partner(path: Path) -> Embedding | None:
    """The negative half of the pair that a PNG carries, None where it carries none. Raises FileFormatError for a broken one."""
    with path.open("rb") as file:
        if not file.read(len(PNG_SIGNATURE)).startswith(PNG_SIGNATURE):
            return None
    if path.stat().st_size > MAX_PICTURE_FILE_BYTES:
        return None
    chunks = read_png_chunks(path.read_bytes(), keyword=PARTNER_KEYWORD.encode())
    return None if chunks.text is None else _as_format(from_json(_from_base64(chunks.text)), "png")


def _from_png(data: bytes) -> Embedding:
    chunks = read_png_chunks(data, keyword=KEYWORD.encode())
    if chunks.text is None:
        return _from_pixels(chunks.bare, chunks.size, "png")
    try:
        return _as_format(from_json(_from_base64(chunks.text)), "png")
    except FileFormatError:
        if (found := _pixel_payload(chunks.bare, chunks.size)) is None:
            raise
        return _as_format(from_json(found), "png")


def _from_pixels(data: bytes, size: tuple[int, int], file_format: str) -> Embedding:
    payload = _pixel_payload(data, size)
    if payload is None:
        raise FileFormatError(_NO_EMBEDDING)
    return _as_format(from_json(payload), file_format)


def _pixel_payload(data: bytes, size: tuple[int, int]) -> bytes | None:
    """Decodes the picture, but only one whose declared size is sane."""
    if size[0] * size[1] > MAX_PICTURE_PIXELS or 0 in size:
        raise FileFormatError(
            f"it is a picture of {size[0]} x {size[1]} pixels; at most {MAX_PICTURE_PIXELS} pixels are looked into"
        )
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "WEBP")) as image:
            if image.size != size:
                raise FileFormatError(f"it says it has {size} pixels and then {image.size}: it was tampered with")
            return decode_pixels(image)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise FileFormatError(f"it is a picture that cannot be opened ({str(error)[:80]})") from error


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise FileFormatError(f"the embedding in the picture's text is broken ({error})") from error


def _as_format(embedding: Embedding, file_format: str) -> Embedding:
    return Embedding(
        vectors=embedding.vectors,
        name=embedding.name,
        step=embedding.step,
        checkpoint_hash=embedding.checkpoint_hash,
        checkpoint_name=embedding.checkpoint_name,
        notes=embedding.notes,
        file_format=file_format,
    )


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _other_kind(head: bytes) -> str | None:
    """A picture that carries no embedding, in words."""
    kind = "a BMP picture" if head.startswith(b"BM") else kind_of(head, size=len(head))
    if kind is None or head.startswith(PNG_SIGNATURE) or _is_webp(head):
        return None
    return kind if kind.endswith(" picture") else None


def _webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) from the first chunk; Pillow would allocate the whole canvas to tell."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise FileFormatError("it begins like a WebP picture but was cut off")
    if kind == b"VP8X":
        if body[0] & 2:
            raise FileFormatError("it is an animated WebP; embeddings are carried by still pictures")
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise FileFormatError(_NO_EMBEDDING)
