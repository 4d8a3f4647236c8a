"""Prompts of a batch through a web UI's text pipeline, so that each means what it means alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from modules import shared
from torch import Tensor

from ...core.model.host import Conditioning
from .live import LiveEmbedding

Encoded = tuple[Tensor, "Tensor | None"]
"""Context [B, tokens, width], and SDXL's vector [B, 2816] or None."""

Chunks = Sequence[Any]
"""A prompt's pieces of 75 tokens, with ``multipliers`` and ``fixes``, as the web UI's text pipeline makes them."""


def encode_batch(
    prompts: Sequence[str],
    *,
    chunks: Callable[[str], Chunks],
    encode: Callable[[Sequence[str]], Encoded],
    live: Sequence[LiveEmbedding],
) -> Conditioning:
    """Encode each distinct prompt once; all are padded with empty chunks to the longest, as in a picture's batch."""
    distinct = list(dict.fromkeys(prompts))
    parts = {prompt: chunks(prompt) for prompt in distinct}
    contexts, vectors = _encode_all(distinct, parts, encode)
    places = [distinct.index(prompt) for prompt in prompts]
    counts = {prompt: _inserted(parts[prompt], live) for prompt in distinct}
    return Conditioning(
        context=contexts[places] if places != list(range(len(distinct))) else contexts,
        vector=None if vectors is None else vectors[places],
        inserted=tuple(counts[prompt] for prompt in prompts),
    )


def _encode_all(
    prompts: Sequence[str], chunks: Mapping[str, Chunks], encode: Callable[[Sequence[str]], Encoded]
) -> Encoded:
    """Plain prompts side by side; each with emphasis by itself.

    The web UI's emphasis "Original" restores the mean over its whole batch. A picture's prompt comes alone, so one
    prompt must not change another here.
    """
    alone = [prompt for prompt in prompts if _has_emphasis(chunks[prompt])]
    together = [prompt for prompt in prompts if prompt not in alone]
    groups = [*([together] if together else []), *([prompt] for prompt in alone)]
    length = max(len(chunks[prompt]) for prompt in prompts)
    rows: dict[str, Encoded] = {}
    for group in groups:
        context, vector = encode(group)
        missing = length - max(len(chunks[prompt]) for prompt in group)
        if missing:
            empty = encode([""])[0].repeat(len(group), missing, 1)
            context = torch.cat([context, empty], dim=1)
        for index, prompt in enumerate(group):
            rows[prompt] = (context[index], None if vector is None else vector[index])
    vectors = [vector for prompt in prompts if (vector := rows[prompt][1]) is not None]
    return torch.stack([rows[prompt][0] for prompt in prompts]), torch.stack(vectors) if vectors else None


def _has_emphasis(chunks: Chunks) -> bool:
    return shared.opts.emphasis == "Original" and any(weight != 1.0 for chunk in chunks for weight in chunk.multipliers)


def _inserted(chunks: Chunks, live: Sequence[LiveEmbedding]) -> int:
    """Count the rows of live vectors that went into a prompt."""
    ours = {id(entry.embedding) for entry in live}
    fixes = (fix for chunk in chunks for fix in chunk.fixes)
    return sum(int(fix.embedding.vectors) for fix in fixes if id(fix.embedding) in ours)
