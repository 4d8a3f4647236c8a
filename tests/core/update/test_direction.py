from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cosine_similarity, normalize

from textual_inversion.core.update.direction import Direction


def _rows() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.5, 0.0]]))


def _towards(rows: torch.nn.Parameter, target: torch.Tensor) -> None:
    rows.grad = None
    (-(rows * target).sum()).backward()


def test_a_step_turns_each_row_by_the_rate_and_keeps_its_length() -> None:
    rows = _rows()
    optimizer = Direction([rows], lr=0.1)
    before = rows.detach().clone()
    _towards(rows, torch.tensor([[100.0, 7.0, 0.0], [0.0, 0.0, 1e-6]]))
    optimizer.step()
    torch.testing.assert_close(rows.detach().norm(dim=1), before.norm(dim=1))
    angles = cosine_similarity(rows.detach(), before).acos()
    torch.testing.assert_close(angles, torch.full((2,), math.atan(0.1)), rtol=1e-3, atol=0)


def test_it_finds_the_direction() -> None:
    rows = _rows()
    target = normalize(torch.tensor([[1.0, 2.0, -1.0], [0.3, 0.1, 1.0]]), dim=1)
    optimizer = Direction([rows])
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        _towards(rows, target)
        optimizer.step()
    assert cosine_similarity(rows.detach(), target).min() > 0.9999


@pytest.mark.parametrize(("prior", "closer"), [(0.0, True), (0.5, False)])
def test_the_prior_holds_it_near_its_beginning(prior: float, closer: bool) -> None:
    rows = torch.nn.Parameter(torch.tensor([[1.0, 0.0]]))
    optimizer = Direction([rows], lr=0.05, prior=prior)
    for step in range(300):  # gradients that agree in two of three steps, as noisy ones do
        _towards(rows, torch.tensor([[-0.5, 1.0] if step % 3 else [0.0, -1.0]]))
        optimizer.step()
    assert (rows[0, 0].item() < 0) is closer


def test_zeros_stay() -> None:
    rows = torch.nn.Parameter(torch.zeros(1, 4))
    _towards(rows, torch.ones(1, 4))
    Direction([rows]).step()
    assert rows.detach().tolist() == [[0.0] * 4]
