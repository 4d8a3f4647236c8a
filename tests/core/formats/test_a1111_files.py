"""Files that AUTOMATIC1111 v1.10.1's own code wrote, on torch 2.15, are read to the last bit.

In `tests/data/a1111`: what its *Create embedding* makes, a `.pt` as its trainer saves it, and the PNG export of that one
with both carriers. Its own unpickler refuses these two `.pt`; we do not.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from textual_inversion.core.formats import read_embedding

DATA = Path(__file__).parents[2] / "data" / "a1111"
VECTORS = torch.tensor(json.loads((DATA / "expected.json").read_text())["vectors"])


@pytest.mark.parametrize("file", ["trained here-1200.pt", "trained here-1200.png"])
def test_trained_files_keep_everything(file: str) -> None:
    embedding = read_embedding(DATA / file)
    assert torch.equal(embedding.vectors["*"], VECTORS)
    assert (embedding.name, embedding.step) == ("trained here", 1200)
    assert (embedding.checkpoint_hash, embedding.checkpoint_name) == ("0123456789", "tiny")


def test_created_file_starts_at_step_0() -> None:
    embedding = read_embedding(DATA / "created here.pt")
    assert torch.equal(embedding.vectors["*"], VECTORS)
    assert (embedding.name, embedding.step, embedding.checkpoint_hash) == ("created here", 0, None)


def test_pixels_alone_carry_the_embedding(tmp_path: Path) -> None:
    """Picture sites strip text chunks."""
    with Image.open(DATA / "trained here-1200.png") as picture:
        assert "sd-ti-embedding" in picture.info
        picture.convert("RGB").copy().save(tmp_path / "stripped.png", pnginfo=None)
    with Image.open(tmp_path / "stripped.png") as stripped:
        assert "sd-ti-embedding" not in stripped.info
    embedding = read_embedding(tmp_path / "stripped.png")
    assert torch.equal(embedding.vectors["*"], VECTORS)
    assert (embedding.name, embedding.step) == ("trained here", 1200)
