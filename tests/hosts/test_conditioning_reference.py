"""Prompts mean the same here as in AUTOMATIC1111 v1.10.1.

`reference/a1111_conditioning.json` and `.npz` hold what its own `cond_stage_model([prompt])` made, on the encoder of
`tiny_text_encoder.py`, with emphasis "Original" and a comma backtracking of 20: the chunks, and the conditioning
[tokens, 64] multiplied by `projections()`. Embeddings had the vectors of `embedding_vectors(name, rows)`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_text_encoder import write_text_encoder_folder

from textual_inversion.hosts.standalone.prompts import Chunk, NameIndex, chunk_prompt
from textual_inversion.hosts.standalone.tokenizer import ClipTokenizer

REFERENCE = json.loads((Path(__file__).parent / "reference" / "a1111_conditioning.json").read_text(encoding="utf-8"))
CASES = REFERENCE["cases"]
END = 49407


@pytest.fixture(scope="module", params=["packaged", "folder"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ClipTokenizer:
    if request.param == "packaged":
        return ClipTokenizer.load()
    folder = tmp_path_factory.mktemp("encoder")
    write_text_encoder_folder(folder)
    return ClipTokenizer.load(folder=folder)


@pytest.fixture(scope="module")
def names(tokenizer: ClipTokenizer) -> NameIndex:
    return NameIndex((name, tokenizer.encode(name), rows) for name, rows in REFERENCE["embeddings"].items())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["prompt"][:40])
def test_chunks_are_those_of_a1111(case: dict, tokenizer: ClipTokenizer, names: NameIndex) -> None:
    chunks = chunk_prompt(case["prompt"], tokenize=tokenizer.encode, special=tokenizer.special, names=names)
    assert [_as_reference(chunk) for chunk in chunks] == [_expected(chunk) for chunk in case["chunks"]]


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
