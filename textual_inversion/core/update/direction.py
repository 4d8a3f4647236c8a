"""Directional textual inversion: the vectors turn, and never grow (Kim et al., ICLR 2026, arXiv 2512.13672)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn.functional import normalize


class Direction(torch.optim.Optimizer):
    """Every row turns by about ``lr`` radians a step against its gradient and keeps its length; rows of zeros stay.

    As in the authors' ``optim.py`` with beta 0: the gradient's part across the row, made a unit vector, is what is followed,
    and ``prior`` pulls back towards the direction that the row began with (their von Mises-Fisher prior). There ``prior``
    (kappa) is compared with the raw gradient, which changes with the loss, the batch and the model; here it is a share of
    the unit step. For the paper's length, the mean of the vocabulary, add the norm rule ``fixed`` with limit 1.
    """

    def __init__(self, parameters: Iterable[Any], *, lr: float = 1.0, prior: float = 0.0) -> None:
        super().__init__(parameters, {"lr": lr, "prior": prior})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Turn all rows that have a gradient."""
        for group in self.param_groups:
            for rows in group["params"]:
                if rows.grad is not None:
                    self._turn(rows, rows.grad, lr=group["lr"], prior=group["prior"])

    def _turn(self, rows: torch.Tensor, gradient: torch.Tensor, *, lr: float, prior: float) -> None:
        """Turn ``rows`` [rows, width] against ``gradient`` of the same shape, in place."""
        state = self.state[rows]
        if "home" not in state:
            state["home"] = normalize(rows, dim=1)
        lengths = rows.norm(dim=1, keepdim=True)
        here = normalize(rows, dim=1)
        slope = normalize(_across(gradient, here), dim=1)
        slope = slope - prior * _across(state["home"], here)
        rows.copy_(lengths * normalize(here - lr * slope, dim=1))


def _across(vectors: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """The part of each row of ``vectors`` [rows, width] at right angles to the unit row of ``directions``."""
    return vectors - (vectors * directions).sum(dim=1, keepdim=True) * directions
