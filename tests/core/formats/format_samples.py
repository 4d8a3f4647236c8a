"""Embeddings to write, and comparison."""

from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import strategies as st

from textual_inversion.core.embedding.embedding import Embedding

GOLDEN = Path(__file__).resolve().parents[4] / "shared" / "golden"


def sample(*, vectors: int = 3, width: int = 768, seed: int = 0, **about: object) -> Embedding:
    generator = torch.Generator().manual_seed(seed)
    return Embedding(vectors={"*": torch.randn(vectors, width, generator=generator) * 0.02}, **about)  # type: ignore[arg-type]


def sdxl_sample(*, vectors: int = 2, seed: int = 0, **about: object) -> Embedding:
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        key: torch.randn(vectors, width, generator=generator) for key, width in (("clip_l", 768), ("clip_g", 1280))
    }
    return Embedding(vectors=tensors, **about)  # type: ignore[arg-type]


def same_vectors(one: Embedding, other: Embedding) -> bool:
    return set(one.vectors) == set(other.vectors) and all(
        torch.equal(tensor, other.vectors[key]) and other.vectors[key].dtype == torch.float32
        for key, tensor in one.vectors.items()
    )


def about(embedding: Embedding) -> tuple[object, ...]:
    return (
        embedding.name,
        embedding.step,
        embedding.checkpoint_hash,
        embedding.checkpoint_name,
        dict(embedding.notes),
    )


_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\~"), min_size=1, max_size=20)
_FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def embeddings(draw: st.DrawFn) -> Embedding:
    """Any finite float32 values, subnormals and signed zeros too; any text without slashes."""
    widths = draw(st.sampled_from([{"*": 1}, {"*": 5}, {"*": 768}, {"clip_l": 7, "clip_g": 11}]))
    count = draw(st.integers(1, 4))
    values = draw(st.lists(_FLOATS, min_size=8, max_size=8))
    vectors = {
        key: torch.tensor(values).repeat(count * width)[: count * width].reshape(count, width)
        for key, width in widths.items()
    }
    return Embedding(
        vectors=vectors,
        name=draw(_WORDS),
        step=draw(st.none() | st.integers(0, 10**9)),
        checkpoint_hash=draw(st.none() | st.text("0123456789abcdef", min_size=10, max_size=10)),
        checkpoint_name=draw(st.none() | _WORDS),
        notes=draw(st.dictionaries(_WORDS, _WORDS, max_size=3)),
    )
