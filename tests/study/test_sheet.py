"""The picture of what some arms draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.study import sheet
from textual_inversion.study.concepts import STUDIED

BLUE, GREY = (10, 20, 200), (232, 232, 236)


def test_what_was_trained_is_drawn_and_the_rest_stays_grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "embeddings" / "varied" / f"{STUDIED[1].name}-0"
    folder.mkdir(parents=True)
    for name, step in (("zq001", 0), ("zq002", 40)):  # the first was only created, by a run that was cut short
        rows = torch.full((1, 4), float(step))
        write_embedding(Embedding(vectors={"*": rows}, name=name, step=step), folder / f"{name}.pt")
    asked: list[tuple[list[str], list[float]]] = []

    def paint(_lease: Any, prompts: list[str], seeds: list[int], *, embeddings: dict) -> list[Image.Image]:
        assert len(prompts) == len(seeds) == 2
        asked.append((list(prompts), [float(rows["clip_l"][0, 0]) for rows in embeddings.values()]))
        return [Image.new("RGB", (64, 64), BLUE)] * 2

    monkeypatch.setattr(sheet, "paint", paint)
    page = sheet.study_sheet(None, tmp_path)  # type: ignore[arg-type]
    trained = [each for each in asked if each[1]]
    assert len(asked) == len(STUDIED) + 1
    assert [values for _, values in trained] == [[40.0]]
    assert all("zq000" in prompt for prompt in trained[0][0])
    last = page.width - 8 - 56
    rows = [page.getpixel((last, page.height - 8 - 56 - 120 * (len(STUDIED) - 1 - row))) for row in range(len(STUDIED))]
    assert rows == [BLUE if row == 1 else GREY for row in range(len(STUDIED))]
