"""Reads the truth back from a picture: a small convolutional network trained on the renderer.

Hidden shapes and hues are classes of their own, so that it can say whether an embedding brings them back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from . import world

ASSETS = Path(__file__).parent / "assets"
WEIGHTS = ASSETS / "grader.safetensors"
CLASSES: dict[str, tuple[str, ...]] = {
    "shape": world.SHAPES,
    "colour": tuple(world.COLOURS),
    "background": tuple(world.BACKGROUNDS),
    "position": tuple(world.POSITIONS),
    "texture": world.TEXTURES,
    "style": world.STYLES,
}


@dataclass(frozen=True)
class Verdict:
    """Answers about a picture, in words of `world`, and the least probability among the six."""

    shape: str
    colour: str
    background: str
    position: str
    texture: str
    style: str
    certainty: float


class GraderNet(nn.Module):
    """(n, 3, 64, 64) pictures in [-1, 1] to (n, classes) logits, one block of columns for each field of `CLASSES`."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in (32, 64, 96, 128):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.SiLU()] if width < 128 else []
            before = width
        self.features = nn.Sequential(*layers)
        self.answers = nn.Linear(128 * 16, sum(len(names) for names in CLASSES.values()))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.answers(self.features(pictures).flatten(1))


class Grader:
    """A trained `GraderNet` on the CPU."""

    def __init__(self, net: GraderNet) -> None:
        self._net = net.eval()

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Grader:
        """The grader that ships with the package, or another one of the same layout."""
        net = GraderNet()
        net.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        return cls(net)

    def grade(self, pictures: list[Image.Image]) -> list[Verdict]:
        """One verdict a picture; pictures of another size are resized to 64x64 first."""
        with torch.no_grad():
            logits = torch.cat([self._net(as_batch(pictures[i : i + 64])) for i in range(0, len(pictures), 64)])
        answers: dict[str, list[str]] = {}
        certainty = torch.ones(len(pictures))
        for (field, names), columns in zip(CLASSES.items(), split(logits), strict=True):
            best = columns.softmax(dim=1).max(dim=1)
            answers[field] = [names[i] for i in best.indices.tolist()]
            certainty = torch.minimum(certainty, best.values)
        return [
            Verdict(**{field: answers[field][i] for field in CLASSES}, certainty=float(certainty[i]))
            for i in range(len(pictures))
        ]


def split(logits: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """(n, classes) logits cut into one block for each field."""
    return logits.split([len(names) for names in CLASSES.values()], dim=1)


def as_batch(pictures: list[Image.Image]) -> torch.Tensor:
    """(n, 3, 64, 64) in [-1, 1]."""
    size = (world.SIZE, world.SIZE)
    arrays = [np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)) for picture in pictures]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
