"""Spreading attention maps: the formula against itself in numpy, and the file where training looks for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset.find import find_pictures
from textual_inversion.core.dataset.spread_mask import spread_map, spread_mask, spread_over
from textual_inversion.core.model.vae_attention import VaeAttention, recorded
from textual_inversion.core.pictures.masks import is_graded


def random_attention(places: int, width: int = 8) -> VaeAttention:
    generator = torch.Generator().manual_seed(1)
    queries, keys = (torch.randn(places, width, generator=generator) for _ in range(2))
    return VaeAttention(queries=queries, keys=keys)


def test_the_formula_of_dreamartist(monkeypatch: pytest.MonkeyPatch) -> None:
    """out = clamp(A m - mean(m) + m, 0, 1), A = softmax(q k / sqrt(C)); in parts as at once."""
    attention = random_attention(24)
    grey = torch.rand(4, 6, generator=torch.Generator().manual_seed(2))
    scores = (attention.queries @ attention.keys.T).numpy().astype(np.float64) / np.sqrt(8)
    matrix = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    m = grey.reshape(-1).numpy().astype(np.float64)
    wanted = np.clip(matrix @ m - m.mean() + m, 0, 1).reshape(4, 6)
    assert np.allclose(spread_map(grey, attention).numpy(), wanted, atol=1e-6)
    monkeypatch.setattr("textual_inversion.core.model.vae_attention._ROWS", 5)
    assert np.allclose(spread_map(grey, attention).numpy(), wanted, atol=1e-6)


def test_a_uniform_map_stays() -> None:
    grey = torch.full((4, 6), 0.5)
    assert torch.allclose(spread_map(grey, random_attention(24)), grey, atol=1e-6)


@pytest.mark.parametrize("kind", ["diffusers", "ldm"])
def test_both_kinds_of_layers_are_read_and_left_alone(kind: str) -> None:
    layers = [torch.nn.Linear(4, 4) if kind == "diffusers" else torch.nn.Conv2d(4, 4, 1) for _ in range(2)]
    inputs = torch.randn(1, 6, 4) if kind == "diffusers" else torch.randn(1, 4, 2, 3)
    with recorded(*layers) as seen, torch.no_grad():
        outputs = [layer(inputs) for layer in layers]
    rows = outputs[0][0] if kind == "diffusers" else outputs[0][0].permute(1, 2, 0).reshape(6, 4)
    assert torch.equal(seen.attention.queries, rows)
    assert not any(layer._forward_hooks for layer in layers)
    with recorded(*layers) as seen, torch.no_grad():
        for picture in (torch.full_like(inputs, float("inf")), inputs):  # again in float32, where float16 overflowed
            for layer in layers:
                layer(picture)
    assert torch.equal(seen.attention.queries, rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (97, 64), (200, 40, 40)).save(tmp_path / "cat.png")
    strokes = Image.new("L", (97, 64), 60)
    strokes.paste(255, (10, 10, 40, 40))
    (tmp_path / "maps").mkdir()
    strokes.save(tmp_path / "maps" / "strokes.png")
    return tmp_path


def lease(seen: list[tuple[int, ...]]) -> Any:
    def attention(pixels: torch.Tensor) -> VaeAttention:
        seen.append(tuple(pixels.shape))
        return random_attention(pixels.shape[2] // 8 * (pixels.shape[3] // 8))

    return SimpleNamespace(vae_attention=attention)


def test_written_where_training_reads_it(folder: Path) -> None:
    seen: list[tuple[int, ...]] = []
    out = spread_mask(folder / "cat.png", folder / "maps" / "strokes.png", None, lease=lease(seen), native_size=48)
    assert out == folder / "cat_att.png"
    assert seen == [(1, 3, 64, 96)]
    image = Image.open(out)
    assert (image.size, image.mode) == ((97, 64), "L")
    (found,) = find_pictures([str(folder)]).pictures
    assert found.mask == out
    assert is_graded(out)
    assert np.asarray(image)[20:30, 20:30].mean() > np.asarray(image)[50:, 70:].mean()


@pytest.mark.parametrize(("native_size", "seen_at"), [(64, (256, 512)), (768, (384, 768)), (2048, (600, 1200))])
def test_looked_at_with_the_pixels_that_the_model_is_used_to(native_size: int, seen_at: tuple[int, int]) -> None:
    seen: list[tuple[int, ...]] = []
    spread = spread_over(
        Image.new("RGB", (1200, 600)), Image.new("L", (1200, 600), 90), lease=lease(seen), native_size=native_size
    )
    assert seen == [(1, 3, *seen_at)]
    assert spread.size == (1200, 600)


@pytest.mark.parametrize(
    ("mask", "out", "part"),
    [
        ("maps/strokes.png", "cat.png", "would be written over"),
        ("cat_att.png", None, "would be written over"),
        ("maps/strokes.png", "spread.png", "one more picture to train on"),
        ("maps/strokes.png", "maps/spread.jpg", "written as PNG"),
        ("maps/square.png", None, "the same shape"),
    ],
)
def test_what_does_not_go_together(folder: Path, mask: str, out: str | None, part: str) -> None:
    Image.new("L", (97, 64), 9).save(folder / "cat_att.png")
    Image.new("L", (64, 64), 9).save(folder / "maps" / "square.png")
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    with pytest.raises(InputError, match=part):
        spread_mask(folder / "cat.png", folder / mask, folder / out if out else None, lease=lease([]), native_size=64)
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before


def test_a_map_that_is_there_is_not_written_over(folder: Path) -> None:
    drawn = folder / "cat_att.png"
    drawn.write_bytes(b"by hand")
    with pytest.raises(InputError, match=r"cat_att\.png is there already, and may have been drawn by hand"):
        spread_mask(folder / "cat.png", folder / "maps" / "strokes.png", None, lease=lease([]), native_size=48)
    assert drawn.read_bytes() == b"by hand"
    spread_mask(
        folder / "cat.png", folder / "maps" / "strokes.png", None, lease=lease([]), native_size=48, overwrite=True
    )
    assert drawn.read_bytes() != b"by hand"
