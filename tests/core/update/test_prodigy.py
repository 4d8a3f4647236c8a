"""Prodigy against the authors' own package, step by step, and on its own."""

from __future__ import annotations

import math

import pytest
import torch

from textual_inversion.core.update.optimizers import optimizer_state, restore_optimizer
from textual_inversion.core.update.prodigy import Prodigy

TARGETS = ((0.3, -0.2, 0.15), (-0.4, 0.1, 0.02))
BETAS = (0.9, 0.99)

# From prodigyopt 1.1.2: Prodigy(lr=1.0, betas=(0.9, 0.99), weight_decay=0.02, use_bias_correction=True, safeguard_warmup=True)
# on the 40 steps of ``_train``: distance by step, and where the parameters end.
REFERENCE_DISTANCES = {
    4: 1e-06,
    5: 1.525719358828602e-06,
    6: 1.5748243111337411e-06,
    8: 2.4474350578303367e-06,
    11: 4.838086584260669e-06,
    14: 1.0536918656562698e-05,
    17: 2.06229084276849e-05,
    19: 3.720642912133776e-05,
    20: 3.720642912133776e-05,
    24: 3.9692972401240345e-05,
    29: 5.658507574163066e-05,
    36: 5.658507574163066e-05,
    37: 5.6997553377829044e-05,
    39: 5.939831969647981e-05,
}
REFERENCE_END = (
    (0.0005326107245109713, -0.0005326058488793676, 0.0005326006201340041),
    (0.049469142563793776, 0.050530311840010035, 0.04946923934128089),
)


def _parameters() -> list[torch.nn.Parameter]:
    return [
        torch.nn.Parameter(torch.zeros(1, 3, dtype=torch.float64)),
        torch.nn.Parameter(torch.full((1, 3), 0.05, dtype=torch.float64)),
    ]


def _set_gradients(parameters: list[torch.nn.Parameter], step: int) -> None:
    """A bowl whose steepness changes; no gradient at all at step 0, none of the second tensor at step 5."""
    for index, (parameter, target) in enumerate(zip(parameters, TARGETS, strict=True)):
        steepness = torch.tensor([[1.0, 3.0, 0.5]], dtype=torch.float64) * (1 + 0.3 * math.cos(step))
        parameter.grad = steepness * (parameter.detach() - torch.tensor([target], dtype=torch.float64))
        if step == 0:
            parameter.grad.zero_()
        if step == 5 and index == 1:
            parameter.grad = None


def _rate(step: int) -> float:
    return 1.0 if step < 20 else 0.5 if step < 30 else 0.25


def _train(optimizer: Prodigy, parameters: list[torch.nn.Parameter], steps: range) -> list[float]:
    distances = []
    for step in steps:
        _set_gradients(parameters, step)
        optimizer.param_groups[0]["lr"] = _rate(step)
        optimizer.step()
        distances.append(optimizer.distance)
    return distances


def test_every_step_is_the_authors() -> None:
    parameters = _parameters()
    distances = _train(Prodigy(parameters, betas=BETAS, weight_decay=0.02), parameters, range(40))
    assert {step: distances[step] for step in REFERENCE_DISTANCES} == pytest.approx(REFERENCE_DISTANCES, rel=1e-9)
    for parameter, expected in zip(parameters, REFERENCE_END, strict=True):
        assert parameter[0].tolist() == pytest.approx(expected, rel=1e-9)


def test_steps_without_any_gradient_do_not_count() -> None:
    parameters = _parameters()
    optimizer = Prodigy(parameters, weight_decay=0.5)
    for step in (0, None, 0):
        if step is None:
            optimizer.zero_grad(set_to_none=True)
        else:
            _set_gradients(parameters, step)
        optimizer.step()
    assert optimizer.param_groups[0]["updates"] == 0
    assert torch.equal(parameters[1].detach(), torch.full((1, 3), 0.05, dtype=torch.float64))


def test_it_finds_its_own_rate() -> None:
    torch.manual_seed(0)
    target = torch.randn(4, 16) * 0.4
    parameter = torch.nn.Parameter(torch.zeros(4, 16))
    optimizer = Prodigy([parameter], betas=BETAS)
    for _ in range(600):
        parameter.grad = parameter.detach() - target
        optimizer.step()
    assert float((parameter.detach() - target).abs().max()) < 0.02
    assert 0.01 < optimizer.distance < 10


def test_its_state_goes_through_plain_tensors_and_numbers() -> None:
    whole = _parameters()
    expected = _train(Prodigy(whole, betas=BETAS), whole, range(40))

    first = _parameters()
    before = Prodigy(first, betas=BETAS)
    _train(before, first, range(17))
    tensors, numbers = optimizer_state(before)
    second = [torch.nn.Parameter(each.detach().clone()) for each in first]
    after = Prodigy(second, betas=BETAS)
    restore_optimizer(after, tensors, numbers)
    assert _train(after, second, range(17, 40)) == expected[17:]
    assert all(torch.equal(one, two) for one, two in zip(whole, second, strict=True))
