"""Decoding the pictures of a run, each once: pixels and loss weights together, a few ahead of whoever takes them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch
from PIL import Image

from ..base.errors import InputError
from ..pictures.fit import LATENT_FACTOR, fit_image, to_pixels
from ..pictures.masks import is_graded, loss_weights, scaled_box
from ..pictures.open import OpenedPicture, open_picture
from ..settings.train_config import TrainConfig
from .items import DatasetItem, resized

_MOST_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class DecodedPicture:
    """A picture at its training size. ``item`` is as the file really is, should its header have told otherwise.

    ``values`` are its colours in 8 bits, [height, width, 3]; ``weights`` is float32 [height / 8, width / 8] with mean 1, None where every latent counts the same.
    """

    item: DatasetItem
    values: np.ndarray
    weights: torch.Tensor | None

    def pixels(self) -> torch.Tensor:
        """float32 [3, height, width] in [-1, 1]."""
        return to_pixels(self.values)

    def as_mirrored(self) -> DecodedPicture:
        """The same picture seen in a mirror, its weights too."""
        weights = None if self.weights is None else self.weights.flip(-1)
        return DecodedPicture(item=self.item.as_mirrored(), values=self.values[:, ::-1], weights=weights)


def decode(item: DatasetItem, settings: TrainConfig) -> DecodedPicture:
    """Open one picture, with its mask. Raises InputError where one of them cannot be used."""
    opened = open_picture(item.path)
    if opened.rgb.size != item.source_size:  # a PNG may tell behind its pixels that it lies on its side
        item = resized(item, opened.rgb.size, settings)
    plain = replace(item, mirrored=False, transparent=opened.alpha is not None)
    values = np.asarray(fit_image(opened.rgb, box=item.box, size=item.size))
    picture = DecodedPicture(item=plain, values=values, weights=_weights(plain, opened, settings))
    return picture.as_mirrored() if item.mirrored else picture


def decoded(items: Sequence[DatasetItem], settings: TrainConfig) -> Generator[DecodedPicture | InputError]:
    """Decode the items in their order, those of one file together and its file once.

    A few are decoded ahead, in threads. In place of the items of a file that cannot be used comes the one InputError.
    """
    files = iter([list(group) for _, group in groupby(items, key=lambda item: item.path)])
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    ahead: deque[Future[list[DecodedPicture] | InputError]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="pictures") as pool:
        try:
            for work in files:
                ahead.append(pool.submit(_decoded_file, work, settings))
                if len(ahead) > threads:
                    yield from _listed(ahead.popleft().result())
            while ahead:
                yield from _listed(ahead.popleft().result())
        finally:
            pool.shutdown(cancel_futures=True)


def _decoded_file(items: Sequence[DatasetItem], settings: TrainConfig) -> list[DecodedPicture] | InputError:
    try:
        plain = decode(replace(items[0], mirrored=False), settings)
    except InputError as error:
        return error
    return [plain.as_mirrored() if item.mirrored else plain for item in items]


def _listed(result: list[DecodedPicture] | InputError) -> Sequence[DecodedPicture | InputError]:
    return [result] if isinstance(result, InputError) else result


def _weights(item: DatasetItem, opened: OpenedPicture, settings: TrainConfig) -> torch.Tensor | None:
    """Loss weights [height / 8, width / 8], from the mask file where there is one, since it was made for nothing
    else; else from the alpha channel."""
    latents = (item.size[0] // LATENT_FACTOR, item.size[1] // LATENT_FACTOR)
    if item.mask is not None:
        mask = _grey(open_picture(item.mask))
        box = scaled_box(item.box, picture=opened.rgb.size, mask=mask.size, path=item.mask)
        graded = is_graded(item.mask)
        return loss_weights(mask, box=box, size=latents, floor=settings.mask_floor, path=item.mask, graded=graded)
    if settings.alpha_weight and opened.alpha is not None:
        return loss_weights(opened.alpha, box=item.box, size=latents, floor=settings.mask_floor, path=item.path)
    return None


def _grey(mask: OpenedPicture) -> Image.Image:
    """A mask's grey; of one drawn in the transparency of a plain white or black layer, that transparency."""
    grey = mask.rgb.convert("L")
    low, high = grey.getextrema()
    return mask.alpha if mask.alpha is not None and low == high else grey
