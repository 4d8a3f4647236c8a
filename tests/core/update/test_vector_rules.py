"""Norm rules and the running average: what happens to the vectors after a step."""

from __future__ import annotations

import pytest
import torch

from textual_inversion.core.update.ema import VectorAverage
from textual_inversion.core.update.norm_rules import apply_norm_rule, mean_norm


def _rows() -> dict[str, torch.Tensor]:
    return {"clip_l": torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]), "clip_g": torch.tensor([[0.0, 2.0]])}


def _lengths(vectors: dict[str, torch.Tensor]) -> list[float]:
    return [length for rows in vectors.values() for length in rows.norm(dim=1).tolist()]


@pytest.mark.parametrize(
    ("rule", "lengths"), [("none", [5, 0.5, 0, 2]), ("clamp", [1, 0.5, 0, 2]), ("fixed", [1, 1, 0, 4])]
)
def test_each_rule(rule: str, lengths: list[float]) -> None:
    vectors = _rows()
    apply_norm_rule(rule, vectors, limits={"clip_l": 1.0, "clip_g": 4.0})  # type: ignore[arg-type]
    assert _lengths(vectors) == pytest.approx(lengths)
    assert torch.allclose(
        torch.nn.functional.normalize(vectors["clip_l"]), torch.nn.functional.normalize(_rows()["clip_l"])
    )


def test_parameters_are_changed_in_place_and_keep_their_gradient() -> None:
    parameter = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    parameter.grad = torch.ones(1, 2)
    apply_norm_rule("clamp", {"clip_l": parameter}, limits={"clip_l": 1.0})
    assert torch.allclose(parameter.detach(), torch.tensor([[0.6, 0.8]]))
    assert parameter.grad is not None
    assert parameter.requires_grad


def test_the_mean_length_of_a_table() -> None:
    assert mean_norm(torch.tensor([[3.0, 4.0], [0.0, 1.0]]).half()) == 3.0


def test_the_average_starts_quickly_and_then_holds_its_decay() -> None:
    average = VectorAverage({"a": torch.zeros(1, 1)}, decays={"a": 0.5})
    expected, decays = 0.0, [2 / 11, 3 / 12, 4 / 13, 5 / 14, 6 / 15, 7 / 16, 8 / 17, 0.5, 0.5]
    for step, decay in enumerate(decays, start=1):
        average.update({"a": torch.full((1, 1), float(step))})
        expected = decay * expected + (1 - decay) * step
        assert average.average["a"].item() == pytest.approx(expected)
    assert average.updates == 9


def test_the_average_is_a_copy_and_goes_on_from_its_count() -> None:
    vectors = {"a": torch.ones(1, 1)}
    average = VectorAverage(vectors, decays={"a": 0.9}, updates=1000)
    vectors["a"].mul_(0)
    average.update(vectors)
    assert average.average["a"].item() == pytest.approx(0.9)
