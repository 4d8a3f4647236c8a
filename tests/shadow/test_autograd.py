"""Gradients, recomputation and optimisers on the device."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def _network() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.SiLU(), nn.Conv2d(8, 4, 3, stride=2), nn.Flatten(),
        nn.Linear(36, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 2),
    )  # fmt: skip


def _pictures() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator("cpu").manual_seed(1))


def test_gradients_are_those_of_the_cpu_to_the_last_bit(shadow):
    here, there = _network(), _network().to("shadow")
    pictures = _pictures()
    moved = pictures.to("shadow").requires_grad_()
    here(pictures.requires_grad_()).square().sum().backward()
    there(moved).square().sum().backward()
    assert moved.grad.device.type == "shadow"
    torch.testing.assert_close(moved.grad.cpu(), pictures.grad, rtol=1e-6, atol=1e-6)
    for one, other in zip(here.parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(other.grad.cpu(), one.grad, rtol=1e-6, atol=1e-6)


def test_a_gradient_flows_between_devices(shadow):
    leaf = torch.ones(2, requires_grad=True)
    (leaf.to("shadow") * 3).cpu().sum().backward()
    assert leaf.grad.tolist() == [3.0, 3.0]


def test_gradients_of_other_devices_are_refused(shadow):
    leaf = torch.ones(2, device="shadow", requires_grad=True)
    with pytest.raises(RuntimeError, match="device"):
        leaf.grad = torch.ones(2)
    with pytest.raises(RuntimeError, match="device|expected"):
        (leaf * 2).backward(torch.ones(2))


def test_the_backward_pass_has_a_thread_of_its_own(shadow):
    """As on a card: what is set for one thread is not set there."""
    seen = []
    leaf = torch.ones(2, device="shadow", requires_grad=True)
    leaf.register_hook(lambda _: seen.append(threading.current_thread() is threading.main_thread()))
    (leaf * 2).sum().backward()
    assert seen == [False]


@pytest.mark.parametrize("reentrant", [False, True])
def test_blocks_are_computed_again(shadow, reentrant):
    network, calls = _network().to("shadow"), []

    def block(pictures: torch.Tensor) -> torch.Tensor:
        calls.append(threading.current_thread() is threading.main_thread())
        return network(pictures)

    results = []
    for again in (False, True):
        pictures = _pictures().to("shadow").requires_grad_()
        out = checkpoint(block, pictures, use_reentrant=reentrant) if again else network(pictures)
        out.sum().backward()
        results.append(pictures.grad.cpu())
    assert calls == [True, False]
    assert results[0].equal(results[1])


def test_dropout_is_the_same_when_computed_again(shadow):
    leaf = torch.ones(100, device="shadow", requires_grad=True)
    out = checkpoint(lambda each: nn.functional.dropout(each * 2, 0.5), leaf, use_reentrant=False)
    out.sum().backward()
    assert leaf.grad.cpu().equal(out.detach().cpu())


class _Fails(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensor):
        return tensor.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient + torch.ones(2)


def test_devices_mixed_in_a_backward_pass_are_an_error(shadow):
    leaf = torch.ones(2, device="shadow", requires_grad=True)
    with pytest.raises(RuntimeError, match="found at least two devices"):
        _Fails.apply(leaf * 2).sum().backward()


@pytest.mark.parametrize("error", [KeyError("lost"), KeyboardInterrupt(), torch.OutOfMemoryError("full")])
def test_an_error_while_computing_again_is_an_error(shadow, error):
    """torch ends the process there, for devices that Python registers."""
    calls = []

    def block(tensor: torch.Tensor) -> torch.Tensor:
        calls.append(tensor)
        if len(calls) > 1:
            raise error
        return (tensor * tensor).sin().exp()

    leaf = torch.ones(2, device="shadow", requires_grad=True)
    with pytest.raises(type(error)):
        checkpoint(block, leaf, use_reentrant=False).sum().backward()
    (leaf * 2).sum().backward()
    assert leaf.grad.tolist() == [2.0, 2.0]


def test_hooks_of_saved_tensors(shadow):
    leaf = torch.ones(2, device="shadow", requires_grad=True)
    with torch.autograd.graph.save_on_cpu():
        out = (leaf * 3).square().sum()
    out.backward()
    assert leaf.grad.tolist() == [18.0, 18.0]


OPTIMISERS = {
    "AdamW": lambda weights, **options: torch.optim.AdamW(weights, lr=0.1, **options),
    "Adam": lambda weights, **options: torch.optim.Adam(weights, lr=0.1, amsgrad=True, **options),
    "SGD": lambda weights, **options: torch.optim.SGD(weights, lr=0.1, momentum=0.9, **options),
    "RMSprop": lambda weights, **options: torch.optim.RMSprop(weights, lr=0.1, **options),
    "Adagrad": lambda weights, **options: torch.optim.Adagrad(weights, lr=0.1, **options),
}


@pytest.mark.parametrize("options", [{}, {"foreach": False}, {"foreach": True}])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers(shadow, name, options):
    learned = []
    for device in ("cpu", "shadow"):
        weights = torch.linspace(-1, 1, 6).to(device).requires_grad_()
        optimiser = OPTIMISERS[name]([weights], **options)
        for _ in range(3):
            optimiser.zero_grad()
            (weights.square() * 3).sum().backward()
            torch.nn.utils.clip_grad_norm_([weights], 1.0)
            optimiser.step()
        assert weights.device.type == device
        learned.append(weights.detach().cpu())
        optimiser.load_state_dict(optimiser.state_dict())
    torch.testing.assert_close(*learned, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["AdamW", "Adam", "SGD"])
@pytest.mark.parametrize("fused", [False, True])
def test_fused_optimisers(shadow, name, fused):
    weights = torch.ones(3, device="shadow", requires_grad=True)
    optimiser = OPTIMISERS[name]([weights], fused=fused)
    weights.sum().backward()
    optimiser.step()
    assert (weights < 1).all()


def test_anomalies_are_found(shadow):
    leaf = torch.zeros(1, device="shadow", requires_grad=True)
    with torch.autograd.detect_anomaly(check_nan=True), pytest.raises(RuntimeError, match="nan values"):
        (leaf.sqrt() * 0).sum().backward()


def test_too_much_memory_is_an_error_forward_and_backward(shadow):
    shadow.memory.limit = shadow.ledger.held + 20_000
    leaf = torch.ones(1000, device="shadow", requires_grad=True)
    with pytest.raises(torch.cuda.OutOfMemoryError, match="shadow out of memory. Tried to allocate 8192 bytes"):
        torch.zeros(2000, device="shadow") + torch.zeros(2000, device="shadow")
    out = leaf * leaf * leaf
    with pytest.raises(torch.OutOfMemoryError):
        out.sum().backward()
    del out
    shadow.memory.limit = None
    (leaf * leaf).sum().backward()
