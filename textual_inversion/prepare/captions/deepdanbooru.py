"""DeepDanbooru (KichangKim; model "resnet-custom-v3"), from the .pt file that AUTOMATIC1111's web UI downloads.

The file holds convolutions under the names ``n_Conv_0`` … ``n_Conv_178`` (batch normalisation folded in) and the list of
tags. The network is a bottleneck ResNet of 2 + 3 · 57 + 6 convolutions, described here by its stages; widths come from the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from ...core.base.errors import FileFormatError

STAGES = (3, 8, 20, 20, 3, 3)
"""Blocks in each stage; the first of a stage has a fourth convolution on its shortcut and, but for the first, halves the size."""

_SHORTCUT_LAST = 3
"""In this stage (from 0) the shortcut's convolution is numbered after the others, in all others before them."""

CONVOLUTIONS = 2 + 3 * sum(STAGES) + len(STAGES)
SIDE = 512
_Block = tuple[int, int, int, int | None]


class DeepDanbooru:
    """Implements ``core.captioners.Tagger``."""

    def __init__(self, weights: Mapping[str, torch.Tensor], tags: Sequence[str], device: torch.device) -> None:
        self._tags = tuple(tags)
        self._device = device
        self._weights = {name: tensor.to(device) for name, tensor in weights.items()}

    def scores(self, pictures: Sequence[Image.Image]) -> list[dict[str, float]]:
        """Pictures are scaled to fit into 512 x 512; their edges are drawn out to fill the rest, as in A1111."""
        pixels = torch.from_numpy(np.stack([_pixels(picture) for picture in pictures]))
        dtype = self._weights["n_Conv_0.weight"].dtype
        with torch.inference_mode():
            found = self._run(pixels.to(self._device, dtype)).float().cpu()
        return [dict(zip(self._tags, row, strict=True)) for row in found.tolist()]

    def _run(self, pixels: torch.Tensor) -> torch.Tensor:
        """float [B, 3, 512, 512] in [0, 1] -> scores [B, tags]. Padding is TensorFlow's, where the network was trained."""
        x = functional.relu(self._convolved(functional.pad(pixels, (2, 3, 2, 3)), 0, stride=2))
        x = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2)
        for numbers, stride in _blocks():
            x = self._block(x, numbers, stride)
        x = self._convolved(x, CONVOLUTIONS - 1)
        return torch.sigmoid(x.mean(dim=(2, 3)))

    def _block(self, x: torch.Tensor, numbers: _Block, stride: int) -> torch.Tensor:
        narrow, middle, wide, shortcut = numbers
        kept = x if shortcut is None else self._convolved(x, shortcut, stride=stride)
        y = functional.relu(self._convolved(x, narrow))
        y = functional.pad(y, (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))
        y = functional.relu(self._convolved(y, middle, stride=stride))
        return functional.relu(self._convolved(y, wide) + kept)

    def _convolved(self, x: torch.Tensor, number: int, *, stride: int = 1) -> torch.Tensor:
        name = f"n_Conv_{number}"
        return functional.conv2d(x, self._weights[f"{name}.weight"], self._weights.get(f"{name}.bias"), stride=stride)


def _blocks() -> Iterator[tuple[_Block, int]]:
    """The numbers of each block's convolutions (narrow, 3 x 3, wide, shortcut) and its stride."""
    number = 1
    for stage, count in enumerate(STAGES):
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            if block > 0:
                yield (number, number + 1, number + 2, None), stride
                number += 3
            elif stage == _SHORTCUT_LAST:
                yield (number, number + 1, number + 2, number + 3), stride
                number += 4
            else:
                yield (number + 1, number + 2, number + 3, number), stride
                number += 4


def _pixels(picture: Image.Image) -> np.ndarray:
    """float32 [3, 512, 512] in [0, 1]."""
    scale = SIDE / max(picture.size)
    width, height = (max(1, min(SIDE, round(side * scale))) for side in picture.size)
    resized = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    across, down = SIDE - width, SIDE - height
    rims = ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0))
    return np.pad(np.asarray(resized, dtype=np.float32), rims, mode="edge").transpose(2, 0, 1) / 255


def load_deepdanbooru(path: Path, device: torch.device) -> DeepDanbooru:
    """Read a ``model-resnet_custom_v3.pt``. Raises FileFormatError for any other file; unpickles nothing but tensors."""
    content = _read(path)
    tags = content.pop("tags", None)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise FileFormatError(f"{path} is no DeepDanbooru model: it has no list of tags.", field="tagger_file")
    weights = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    missing = [n for n in range(CONVOLUTIONS) if f"n_Conv_{n}.weight" not in weights]
    last = weights.get(f"n_Conv_{CONVOLUTIONS - 1}.weight")
    if missing or last is None or last.shape[0] != len(tags):
        raise FileFormatError(
            f"{path} is no DeepDanbooru model of the kind resnet-custom-v3: "
            + (f"convolution {missing[0]} is missing." if missing else "its last layer does not fit its list of tags."),
            field="tagger_file",
        )
    half = device.type == "cuda"
    return DeepDanbooru({n: w.half() if half else w.float() for n, w in weights.items()}, tags, device)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its readers raise
        raise FileFormatError(
            f"{path} cannot be read as a DeepDanbooru model: {type(error).__name__}.", field="tagger_file"
        ) from error
    if not isinstance(content, dict):
        raise FileFormatError(f"{path} is no DeepDanbooru model.", field="tagger_file")
    return dict(content)
