"""Prompts mean the same here as in AUTOMATIC1111 v1.10.1.

`reference/a1111_conditioning*.json` and `.npz` hold what its own `cond_stage_model([prompt])` made of the checkpoints of
`tiny_checkpoint.py`, with emphasis "Original" and a comma backtracking of 20: the chunks, and the conditioning
[tokens, width] multiplied by `projections(width)`. Embeddings had the vectors of `embedding_vectors(name, rows, width)`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from tiny_checkpoint import Family, write_tiny_checkpoint
from tiny_text_encoder import SD2_WIDTH, WIDTH, embedding_vectors, projections

from textual_inversion.hosts.standalone.checkpoint.tokenizer import ClipTokenizer
from textual_inversion.hosts.standalone.loading import load_model
from textual_inversion.hosts.standalone.text.conditioning import PromptEncoder
from textual_inversion.hosts.standalone.text.prompts import Chunk, NameIndex, chunk_prompt
from textual_inversion.hosts.standalone.text.text import ClipEncoder

FOLDER = Path(__file__).with_name("reference")
FILES: dict[Family, str] = {"sd1": "a1111_conditioning", "sd2": "a1111_conditioning_sd2"}
REFERENCE = {
    family: json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8")) for family, file in FILES.items()
}
CASES = [
    pytest.param(family, number, id=f"{family}-{number:03d}-{case['prompt'][:30]}-skip{case['clip_skip']}")
    for family, reference in REFERENCE.items()
    for number, case in enumerate(reference["cases"])
]
END = 49407
TOLERANCE = 5e-5
"""A projection has factors of 0.5: this finds a difference of 1e-4 in a single channel."""


@dataclass(frozen=True)
class Encoder:
    key: str
    encoder: ClipEncoder
    vectors: dict[str, torch.Tensor]
    expected: list[torch.Tensor]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[Family, Encoder]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {family: _encoder(family, tmp_path_factory.mktemp(family)) for family in FILES}
    finally:
        torch.set_num_threads(threads)


def _encoder(family: Family, folder: Path) -> Encoder:
    path = write_tiny_checkpoint(folder, family)
    model = load_model(path, device=torch.device("cpu"), unet_dtype=torch.float32)
    ((key, encoder),) = model.encoders.items()
    width = {"sd1": WIDTH, "sd2": SD2_WIDTH}[family]
    rows = REFERENCE[family]["embeddings"]
    with np.load(FOLDER / f"{FILES[family]}.npz") as arrays:
        expected = [torch.from_numpy(arrays[name]) for name in sorted(arrays.files)]
    return Encoder(key, encoder, {name: embedding_vectors(name, n, width) for name, n in rows.items()}, expected)


@pytest.mark.parametrize(("family", "number"), CASES)
def test_conditioning_is_that_of_a1111(family: Family, number: int, encoders: dict[Family, Encoder]) -> None:
    case, model = REFERENCE[family]["cases"][number], encoders[family]
    with torch.no_grad():
        conditioning = PromptEncoder({model.key: model.encoder}).encode(
            [case["prompt"]],
            live={name: {model.key: rows} for name, rows in model.vectors.items()},
            files={},
            clip_skip=case["clip_skip"],
            size=(64, 64),
        )
    context = conditioning.context[0]
    projected = context @ projections(context.shape[1])
    torch.testing.assert_close(projected, model.expected[number], atol=TOLERANCE, rtol=0)
    fixes = [name for chunk in case["chunks"] for _offset, name in chunk["embeddings"]]
    assert conditioning.inserted == (sum(len(model.vectors[name]) for name in fixes),)


@pytest.mark.parametrize(("family", "number"), CASES)
def test_chunks_are_those_of_a1111(family: Family, number: int, encoders: dict[Family, Encoder]) -> None:
    case, model = REFERENCE[family]["cases"][number], encoders[family]
    assert [_as_reference(chunk) for chunk in _chunks(case["prompt"], model)] == [_expected(c) for c in case["chunks"]]


def test_prompts_of_a_batch_do_not_touch_each_other(encoders: dict[Family, Encoder]) -> None:
    """One emphasised prompt beside plain ones, all padded to the longest: each as if it were alone."""
    model, cases = encoders["sd1"], REFERENCE["sd1"]["cases"]
    chosen = [n for n, case in enumerate(cases) if case["clip_skip"] == 1][::7]
    with torch.no_grad():
        conditioning = PromptEncoder({model.key: model.encoder}).encode(
            [cases[n]["prompt"] for n in chosen],
            live={name: {model.key: rows} for name, rows in model.vectors.items()},
            files={},
            clip_skip=1,
            size=(64, 64),
        )
    for context, number in zip(conditioning.context, chosen, strict=True):
        expected = model.expected[number]
        torch.testing.assert_close((context @ projections())[: len(expected)], expected, atol=TOLERANCE, rtol=0)


@cache
def _packaged(flavour: Literal["clip", "open_clip"]) -> ClipTokenizer:
    """The vocabulary from open_clip's package; the encoders of SD 1 read theirs from the folder beside the checkpoint."""
    return ClipTokenizer.load(flavour)


def _chunks(prompt: str, model: Encoder) -> list[Chunk]:
    packaged = _packaged("clip" if model.key == "clip_l" else "open_clip")
    names = NameIndex((name, packaged.encode(name), len(rows)) for name, rows in model.vectors.items())
    return chunk_prompt(prompt, tokenize=packaged.encode, special=packaged.special, names=names)


def _as_reference(chunk: Chunk) -> dict:
    return {
        "tokens": list(chunk.tokens),
        "weights": pytest.approx(list(chunk.weights)),
        "embeddings": [[insertion.offset, insertion.name] for insertion in chunk.insertions],
    }


def _expected(chunk: dict) -> dict:
    """The reference leaves away the end tokens at the end and counts equal weights in a row."""
    return {
        "tokens": chunk["tokens"] + [END] * (77 - len(chunk["tokens"])),
        "weights": [weight for weight, count in chunk["weights"] for _ in range(count)],
        "embeddings": chunk["embeddings"],
    }
