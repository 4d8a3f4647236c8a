"""The pixel carrier: A1111's way of hiding an embedding in a picture so that it survives the loss of text chunks.

The payload is deflated and cut into nibbles. The low ones stand in the low four bits of a block left of the picture,
the high ones in a block right of it, each set off by a black column and both XORed with a fixed noise; the high four
bits of the blocks are ornament. Lossy compression, resizing and cropping destroy it. The form is that of A1111's
``image_embedding.py``, pixel by pixel.
"""

from __future__ import annotations

import zlib
from typing import TypeAlias, cast

import numpy as np
import torch
from PIL import Image, ImageDraw

from .limits import MAX_JSON_BYTES

_Bytes: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"
_LCG_FACTOR, _LCG_STEP = 1664525, 1013904223
_CHANNELS = 3


def encode_pixels(picture: Image.Image, payload: bytes, *, first_vector: torch.Tensor) -> Image.Image:
    """``picture`` (RGB) between the two blocks that hold ``payload``; as high as before.

    ``first_vector`` [width] shades the ornament that A1111 draws over the blocks; decoders ignore it.
    """
    packed = np.frombuffer(zlib.compress(payload, 9), np.uint8)
    shades = _shades(first_vector)
    low = _block(packed & np.uint8(15), height=picture.height, shades=shades)
    high = _block(packed >> np.uint8(4), height=picture.height, shades=shades[::-1])
    width = low.shape[1]
    canvas = Image.new("RGB", (picture.width + 2 * width + 2, picture.height))
    canvas.paste(Image.fromarray(low), (0, 0))
    canvas.paste(picture.convert("RGB"), (width + 1, 0))
    canvas.paste(Image.fromarray(high), (width + 1 + picture.width + 1, 0))
    return canvas


def decode_pixels(picture: Image.Image) -> bytes | None:
    """The payload, or None where the picture carries none (or it was damaged beyond recognition).

    A payload that inflates to more than MAX_JSON_BYTES is none.
    """
    nibbles = _without_black_border(np.asarray(picture.convert("RGB"))) & 15
    (black,) = np.nonzero(~nibbles.any(axis=(0, 2)))
    if len(black) < 2:
        return None
    low, high = nibbles[:, : black[0]], nibbles[:, black[-1] + 1 :]
    if low.shape != high.shape or low.size == 0:
        return None
    noise = _noise(low.size)
    packed = ((high.reshape(-1) ^ noise) << 4) | (low.reshape(-1) ^ noise)
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(packed.tobytes(), MAX_JSON_BYTES)
    except zlib.error:
        return None
    return payload if inflater.eof else None


def _block(nibbles: _Bytes, *, height: int, shades: _Bytes) -> _Bytes:
    """[height, columns, 3]: the nibbles repeated to fill whole columns, ornament above, noise over all."""
    length = len(nibbles) + (height - len(nibbles) % height)
    length += _CHANNELS * height - length % (_CHANNELS * height)
    block = np.resize(nibbles, length).reshape(height, -1, _CHANNELS)
    ornament = _ornament(width=block.shape[1], height=height, shades=shades) & 0xF0
    return (block ^ ornament ^ _noise(length).reshape(block.shape)).astype(np.uint8)


def _noise(count: int) -> _Bytes:
    """``count`` nibbles of the generator s' = a s + c mod 2^32, each (s' mod 255) & 15.

    Filled by doubling: ``n`` states at once from the ``n`` before, through the generator's own n-th power.
    """
    states = np.zeros(count + 1, dtype=np.uint32)
    filled, factor, step = 1, _LCG_FACTOR, _LCG_STEP
    while filled <= count:
        part = states[: min(filled, count + 1 - filled)]
        states[filled : filled + len(part)] = part * np.uint32(factor) + np.uint32(step)
        filled += len(part)
        factor, step = factor * factor % 2**32, (factor * step + step) % 2**32
    return ((states[1:] % 255) & 15).astype(np.uint8)


def _shades(vector: torch.Tensor) -> _Bytes:
    """Brightness 0 to 255 of the ornament's circles, by the size of the first 1024 values of ``vector`` [width]."""
    values = np.abs(vector.detach().cpu().numpy()[:1024])
    return (values / max(float(values.max()), 1e-12) * 255).astype(np.uint8)


def _ornament(*, width: int, height: int, shades: _Bytes) -> _Bytes:
    """Circles of 6 pixels on a grid of 8, every other row shifted by 4."""
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    index = 0
    for x in range(-6, width, 8):
        for row, y in enumerate(range(-6, height, 8)):
            left = x + (4 if row % 2 == 0 else 0)
            shade = int(shades[index % len(shades)])
            draw.ellipse((left, y, left + 6, y + 6), fill=(shade, shade, shade))
            index += 1
    return np.array(image)


def _without_black_border(pixels: _Bytes) -> _Bytes:
    lit = cast("_Bytes", pixels.min(axis=2)) > 0
    (rows,), (columns,) = np.nonzero(lit.any(axis=1)), np.nonzero(lit.any(axis=0))
    if not len(rows):
        return pixels[:0, :0]
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
