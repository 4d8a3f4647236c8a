"""Tokens of the model nearest to trained vectors, by cosine similarity."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..model.host import TextEncoder

_SPARE = 4
"""Tokens looked at for each one shown: many are the same word with and without its end, or nothing that can be read."""


@dataclass(frozen=True, kw_only=True)
class NearToken:
    """A token of the model, and the cosine of the angle to it (1: the same direction)."""

    text: str
    similarity: float


def nearest_tokens(rows: torch.Tensor, encoder: TextEncoder, *, count: int = 5) -> list[list[NearToken]]:
    """For each of the ``rows`` [vectors, width] the ``count`` nearest tokens, nearest first; each text once.

    A row of zeros has no direction and so no neighbours.
    """
    table = encoder.table().detach().float()
    lengths = table.norm(dim=1).clamp(min=1e-12)
    rows = rows.detach().to(table)
    sizes = rows.norm(dim=1, keepdim=True)
    cosines = (rows / sizes.clamp(min=1e-12)) @ table.T / lengths
    values, places = cosines.topk(min(count * _SPARE, len(table)), dim=1)
    found: list[list[NearToken]] = []
    for size, row, ids in zip(sizes.flatten().tolist(), values.tolist(), places.tolist(), strict=True):
        best: dict[str, float] = {}
        for value, token in zip(row, ids, strict=True) if size else ():
            if (text := encoder.token_text(token).strip()) and text not in best:
                best[text] = value
        found.append([NearToken(text=text, similarity=value) for text, value in list(best.items())[:count]])
    return found
