"""Opening picture files of every kind as 8-bit RGB, upright, with their transparency apart."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from ..base.errors import InputError
from ..base.file_kinds import kind_of_file

MAX_PIXELS = 80_000_000
"""Larger pictures are refused before they are decoded; Pillow's own warning comes at 89 million."""

FORMATS = frozenset(
    {
        *("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM", "TGA", "PSD"),
        *("HEIF", "JXL"),
    }
)
"""Pillow's names of what is opened, whatever the file is called; the last two with plugins only. Not EPS: Pillow gives
that to Ghostscript, which would run it."""

_PLUGINS = {"HEIC": "pillow-heif", "JPEG XL": "pillow-jxl-plugin"}

_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
)
"""Errors that Pillow's decoders are known to raise on broken files."""


_ORIENTATION, _ON_ITS_SIDE = 0x0112, range(5, 9)
"""EXIF's tag, and its values that swap width and height."""


@dataclass(frozen=True, kw_only=True)
class OpenedPicture:
    """``rgb`` in mode RGB; ``alpha`` in mode L of the same size, None where nothing is transparent.

    The colours are those stored, also beneath transparent parts: as in A1111, transparency is dropped and not laid
    over a background, because a person who paints a loss weight into the alpha channel means the picture below it.
    """

    rgb: Image.Image
    alpha: Image.Image | None


def open_picture(path: Path) -> OpenedPicture:
    """Decode a file, turn it as its EXIF says, and convert it; of an animation the first frame.

    16-bit and floating-point greys are scaled to 8 bits, not clipped. Raises InputError that names the file.
    """
    try:
        with Image.open(path, formats=_formats()) as file:
            _check_size(path, file.size)
            file.load()
            image = ImageOps.exif_transpose(file)
            return _converted(image)
    except _DECODER_ERRORS as error:
        raise InputError(f"{path} cannot be read as a picture: {_reason(error, path)}", field="data") from error


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """``size`` is (width, height) once turned as EXIF says; ``transparent``: whether some pixel is not opaque, None where
    only the pixels tell."""

    size: tuple[int, int]
    transparent: bool | None


def read_header(path: Path) -> PictureFacts:
    """Read what stands at the beginning of a file, in a moment whatever its size.

    A PNG may tell behind its pixels that it is to be turned: then ``open_picture`` finds another size. Raises InputError for
    what is no picture, or has too many pixels.
    """
    try:
        with Image.open(path, formats=_formats()) as file:
            _check_size(path, file.size)
            return PictureFacts(size=_turned_size(file), transparent=None if _has_alpha(file) else False)
    except _DECODER_ERRORS as error:
        raise InputError(f"{path} cannot be read as a picture: {_reason(error, path)}", field="data") from error


def peek_picture(path: Path) -> PictureFacts:
    """Read the facts of a file without the whole cost of opening it: a fraction of it for PNG and JPEG.

    Raises InputError, as ``open_picture`` would, for what is no picture, is cut off or is damaged as far as checksums
    (PNG) and the coarse part of the data (JPEG) tell.
    """
    try:
        with Image.open(path, formats=_formats()) as file:
            _check_size(path, file.size)
            if _has_alpha(file) or file.format not in ("PNG", "JPEG"):
                opened = open_picture(path)
                return PictureFacts(size=opened.rgb.size, transparent=opened.alpha is not None)
            facts = PictureFacts(size=_turned_size(file), transparent=False)
            if file.format == "PNG":
                file.verify()
            else:
                file.draft("RGB", (max(1, file.size[0] // 8), max(1, file.size[1] // 8)))
                file.load()
            return facts
    except _DECODER_ERRORS as error:
        raise InputError(f"{path} cannot be read as a picture: {_reason(error, path)}", field="data") from error


def _has_alpha(file: Image.Image) -> bool:
    """True where pixels may be transparent."""
    return file.mode.endswith(("A", "a")) or "transparency" in file.info


def _turned_size(file: Image.Image) -> tuple[int, int]:
    if file.format == "PNG" and "exif" not in file.info:
        turned = False  # Pillow would decode the whole file to see whether something follows
    else:
        turned = file.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
    width, height = file.size
    return (height, width) if turned else (width, height)


@cache
def _plugins() -> None:
    """Let the plugins for HEIC and JPEG XL register themselves, where they are installed."""
    for module, register in (("pillow_heif", "register_heif_opener"), ("pillow_jxl", "")):
        with suppress(ImportError, OSError):
            plugin = import_module(module)
            if register:
                getattr(plugin, register)()


def _formats() -> list[str]:
    Image.init()
    _plugins()
    return sorted(FORMATS.intersection(Image.OPEN))


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise InputError(
            f"{path} has {size[0]} x {size[1]} pixels; at most {MAX_PIXELS // 10**6} million are read. Make it smaller.",
            field="data",
        )


def _reason(error: BaseException, path: Path) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        kind = kind_of_file(path)
        plugin = next((package for name, package in _PLUGINS.items() if kind and name in kind), None)
        if plugin:
            return f"it is {kind}, which needs {plugin} (pip install {plugin}). Or convert it to PNG or JPEG."
        if kind and kind.endswith(" picture"):
            return f"it is a damaged one ({kind.removeprefix('a ')}). Save it anew, or take it out of the folder."
        if kind:
            return (
                f"it is {kind.removesuffix('.')}. Put a PNG or JPEG picture in its place, or take it out of the folder."
            )
        return "its content is of no known picture format. Convert it to PNG or JPEG, or take it out of the folder."
    if isinstance(error, Image.DecompressionBombError):
        return "it has far too many pixels. Make it smaller."
    return f"{str(error).rstrip('.') or type(error).__name__}. Save it anew, or take it out of the folder."


def _converted(image: Image.Image) -> OpenedPicture:
    if image.mode == "F" or image.mode.startswith("I"):
        return OpenedPicture(rgb=_eight_bits(image).convert("RGB"), alpha=None)
    if image.mode == "LAB":
        image = _from_lab(image)
    if image.mode.endswith(("A", "a")) or "transparency" in image.info:
        # The colour must not pass through a palette, so RGBA comes first for every such mode.
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        opaque = alpha.getextrema() == (255, 255)
        return OpenedPicture(rgb=image.convert("RGB"), alpha=None if opaque else alpha)
    return OpenedPicture(rgb=image.convert("RGB"), alpha=None)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits: white is 65535 for integers, the smallest of 1, 255, 65535 that holds for floats."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max())
    whites = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    white = next((each for each in whites if top <= each), top)
    return Image.fromarray(np.clip(values * (255 / white), 0, 255).round().astype(np.uint8))


def _from_lab(image: Image.Image) -> Image.Image:
    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    return converted if converted is not None else image
