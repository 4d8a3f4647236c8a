"""The small vocabulary that captions of the demo world use, and the way between it and CLIP's 49408 tokens.

Training a row for each of CLIP's tokens would spend a tenth of every step on rows that never change.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import cast

import torch
from transformers import CLIPTextModel

from .captions import caption
from .models import END_OF_TEXT, TOKEN_SPREAD, VOCABULARY
from .pictures import scenes
from .text import token_ids


@dataclass(frozen=True)
class Words:
    """`ids`: (k,) sorted CLIP token ids in use, start and end last; `index`: (49408,) each id's row, -1 where none."""

    ids: torch.Tensor
    index: torch.Tensor

    def rows(self, texts: list[str]) -> torch.Tensor:
        """(n, 77) rows of the small table; a word that no caption of the world uses is an error."""
        rows = self.index[token_ids(texts)]
        if bool((rows < 0).any()):
            raise ValueError("a caption uses a word that the demo world's vocabulary does not hold")
        return rows

    def expanded(self, table: torch.Tensor, seed: int) -> torch.Tensor:
        """(49408, width) table for a checkpoint: the trained rows, random ones of the initial spread for all others."""
        generator = torch.Generator().manual_seed(seed)
        full = torch.randn(VOCABULARY, table.shape[1], generator=generator) * TOKEN_SPREAD
        full[self.ids] = table.float()
        return full


def collect_words(samples: int = 3000, seed: int = 0) -> Words:
    """The tokens of `samples` random captions; enough of them that none is missed (the rarest word is 1 in 250)."""
    texts = [caption(scene, random.Random(f"words {seed} {i}")) for i, scene in enumerate(scenes(samples, seed))]
    ids = torch.unique(torch.cat([token_ids(texts).flatten(), torch.tensor([END_OF_TEXT - 1, END_OF_TEXT])]))
    index = torch.full((VOCABULARY,), -1, dtype=torch.long)
    index[ids] = torch.arange(len(ids))
    return Words(ids, index)


def small_table(text: CLIPTextModel) -> torch.Tensor:
    """The token table of a text encoder of transformers."""
    return cast("torch.Tensor", text.get_input_embeddings().weight.detach())
