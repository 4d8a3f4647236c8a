"""Bring a picture of any size to the training size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from ..settings.pictures import Fit

Size = tuple[int, int]
"""Width and height in pixels."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom of what is used of a picture, in its own pixels."""

LATENT_FACTOR = 8
"""Pixels to a side of one latent, for every Stable Diffusion VAE."""

MAX_ASPECT = 3.0
"""No bucket is longer than this many times its width; longer pictures lose their ends."""


def bucket_sizes(width: int, height: int, *, step: int | None = None) -> list[Size]:
    """Sizes of about the area ``width * height``, never above it, from tall to wide; the size itself is one of them.

    Sides are multiples of ``step``: 64 (the U-Net halves the latents three times), 8 for areas under 256 x 256.
    """
    area = width * height
    step = step or (64 if area >= 256 * 256 else LATENT_FACTOR)
    sizes = {(width, height)}
    for long in range(step, int(math.sqrt(area * MAX_ASPECT)) + 1, step):
        short = area // long // step * step
        if short and max(long / short, short / long) <= MAX_ASPECT:
            sizes |= {(long, short), (short, long)}
    return sorted(sizes, key=lambda size: (size[0] / size[1], size))


def nearest_bucket(size: Size, buckets: Sequence[Size]) -> Size:
    """The bucket whose shape is nearest (by the ratio of the aspect ratios); of equal ones the largest."""
    aspect = size[0] / size[1]
    return min(buckets, key=lambda bucket: (abs(math.log(bucket[0] / bucket[1] / aspect)), -bucket[0] * bucket[1]))


def target_size(size: Size, *, fit: Fit, width: int, height: int) -> Size:
    """The size at which a picture of ``size`` is trained; sides below 8 pixels give 0 with ``none``."""
    if fit == "none":
        return size[0] // LATENT_FACTOR * LATENT_FACTOR, size[1] // LATENT_FACTOR * LATENT_FACTOR
    if fit == "buckets":
        return nearest_bucket(size, bucket_sizes(width, height))
    return width, height


def source_box(size: Size, target: Size, *, fit: Fit) -> Box:
    """Find the part of a picture of ``size`` that is kept.

    ``stretch`` keeps everything, as A1111 does; ``none`` the middle without resizing; the others the largest
    middle part that has the target's shape.
    """
    if fit == "stretch":
        return 0.0, 0.0, float(size[0]), float(size[1])
    scale = 1.0 if fit == "none" else min(size[0] / target[0], size[1] / target[1])
    width, height = target[0] * scale, target[1] * scale
    left, top = (size[0] - width) / 2, (size[1] - height) / 2
    if fit == "none":
        left, top = math.floor(left), math.floor(top)
    # Rounding must not put an edge outside of the picture.
    return max(0.0, left), max(0.0, top), min(float(size[0]), left + width), min(float(size[1]), top + height)


def fit_image(image: Image.Image, *, box: Box, size: Size) -> Image.Image:
    """Crop and resize in one pass of Pillow's antialiased Lanczos filter."""
    return image.resize(size, Image.Resampling.LANCZOS, box=box)


def to_pixels(image: Image.Image | np.ndarray) -> torch.Tensor:
    """Turn an RGB image, or its 8-bit values [H, W, 3], into float32 [3, H, W] in [-1, 1] (LDM's ``x / 127.5 - 1``)."""
    values = np.asarray(image, dtype=np.float32) / 127.5 - 1.0
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))
