"""Rules for the length of the trained vectors. Long ones drown the rest of the prompt (techniques: norm inflation)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..settings.optimiser import NormRule


def mean_norm(table: torch.Tensor) -> float:
    """The mean length of a model's own token vectors ([vocabulary, width])."""
    return float(table.detach().float().norm(dim=1).mean())


@torch.no_grad()
def apply_norm_rule(rule: NormRule, vectors: Mapping[str, torch.Tensor], *, limits: Mapping[str, float]) -> None:
    """Change the rows of ``vectors`` [vectors, width] in place, after a step.

    ``clamp`` shortens rows longer than the limit of their encoder (TextBoost, Park et al. 2024);
    ``fixed`` gives every row exactly that length (OneTrainer's preserve_embedding_norm). Zero rows stay.
    """
    if rule == "none":
        return
    for key, rows in vectors.items():
        lengths = rows.norm(dim=1, keepdim=True).clamp(min=1e-12)
        factor = limits[key] / lengths
        rows.mul_(factor.clamp(max=1.0) if rule == "clamp" else factor)
