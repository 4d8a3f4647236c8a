"""Half precision and autocast on the device."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

HALVES = [torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", HALVES)
def test_a_network_in_half_precision(shadow, dtype):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(4, 8), nn.SiLU(), nn.Conv2d(8, 2, 3), nn.AvgPool2d(2))
    pictures = torch.randn(1, 3, 10, 10)
    with torch.no_grad():
        exact = network(pictures)
    network.to("shadow", dtype)
    moved = pictures.to("shadow", dtype).requires_grad_()
    out = network(moved)
    assert out.dtype == dtype
    torch.testing.assert_close(out.float().cpu(), exact, atol=0.02, rtol=0.05)
    out.sum().backward()
    assert moved.grad.dtype == dtype
    assert bool(torch.isfinite(moved.grad).all())


@pytest.mark.parametrize("dtype", HALVES)
def test_autocast_follows_the_lists_of_cuda(shadow, dtype):
    x = torch.randn(4, 4, device="shadow")
    image, kernel = x[None, None], x[:2, :2][None, None]
    with torch.autocast("shadow", dtype=dtype):
        low = x @ x
        narrow = [low, functional.linear(x, x), torch.bmm(x[None], x[None]), functional.conv2d(image, kernel)]
        narrow += [functional.scaled_dot_product_attention(image, image, image), torch.einsum("ij,jk->ik", x, x)]
        wide = [low.softmax(-1), low.sum(), functional.layer_norm(low, (4,)), low.exp(), low.pow(2), low.cumsum(0)]
        wide += [
            functional.mse_loss(low, x),
            functional.group_norm(image.to(dtype), 1),
            low + x,
            torch.addcmul(low, x, x),
        ]
        as_they_are = [low + low, functional.silu(low), low.mean(), functional.gelu(low)]
        assert low.sum(dtype=torch.float64).dtype == torch.float64
    assert {each.dtype for each in (*narrow, *as_they_are)} == {dtype}
    assert {each.dtype for each in wide} == {torch.float32}
    assert (x @ x).dtype == torch.float32
    with torch.autocast("shadow", dtype=dtype, enabled=False):
        assert (x @ x).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (x @ x).dtype == torch.float32


def test_autocast_leaves_float64_and_the_cpu_alone(shadow):
    with torch.autocast("shadow", dtype=torch.float16):
        double = torch.ones(2, 2, device="shadow", dtype=torch.float64)
        assert (double @ double).dtype == torch.float64
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_gradients_under_autocast(shadow):
    weights = torch.randn(4, 4, device="shadow", requires_grad=True)
    with torch.autocast("shadow", dtype=torch.float16):
        loss = (weights @ weights).float().square().sum()
    loss.backward()
    assert weights.grad.dtype == torch.float32


def test_the_loss_is_scaled(shadow):
    weights = torch.ones(3, device="shadow", requires_grad=True)
    optimiser = torch.optim.SGD([weights], lr=1.0)
    scaler = torch.amp.GradScaler("shadow", init_scale=8.0)
    scaler.scale((weights * torch.inf).sum()).backward()
    scaler.step(optimiser)
    scaler.update()
    assert weights.tolist() == [1.0] * 3, "a step with an infinite gradient is left out"
    assert scaler.get_scale() == 4.0
    optimiser.zero_grad()
    scaler.scale(weights.sum()).backward()
    scaler.step(optimiser)
    assert weights.tolist() == [0.0] * 3
