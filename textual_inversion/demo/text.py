"""Token ids of captions, as SD 1 pads them: start, words, end, and the end token up to 77."""

from __future__ import annotations

from functools import lru_cache

import torch

from .models import CONTEXT, END_OF_TEXT


def token_ids(texts: list[str]) -> torch.Tensor:
    """(n, 77) int64 ids; what is over 75 tokens is cut."""
    rows = torch.full((len(texts), CONTEXT), END_OF_TEXT, dtype=torch.long)
    for row, text in zip(rows, texts, strict=True):
        words = _tokenizer().encode(text)[: CONTEXT - 2]
        row[: len(words) + 1] = torch.tensor([END_OF_TEXT - 1, *words])
    return rows


@lru_cache(maxsize=1)
def _tokenizer():
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()
