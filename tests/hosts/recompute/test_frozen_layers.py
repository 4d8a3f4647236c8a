"""Layers that keep nothing they can do without: their gradients are torch's own, to the last bit."""

from __future__ import annotations

import pytest
import torch
from held_memory import HeldMemory
from torch import Tensor, nn

from textual_inversion.hosts.recompute.frozen_layers import Run, can_drop_input, made_again, without_input

CONVOLUTIONS = {
    "3x3": {"kernel_size": 3, "padding": 1},
    "halving": {"kernel_size": 3, "padding": 1, "stride": 2},
    "1x1": {"kernel_size": 1},
    "groups": {"kernel_size": 3, "padding": (1, 2), "groups": 2},
    "dilated": {"kernel_size": 3, "padding": 2, "dilation": 2, "bias": False},
}


def picture(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, 8, 6, 10, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()


def gradient(run: Run, x: Tensor) -> Tensor:
    out = run(x)
    (result,) = torch.autograd.grad(out, x, torch.cos(torch.arange(out.numel())).reshape(out.shape).to(out.dtype))
    return result


def convolution(**options: object) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(8, 4, **options).requires_grad_(False)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_a_convolution_without_its_input(kind: str, dtype: torch.dtype) -> None:
    layer = convolution(**CONVOLUTIONS[kind]).to(dtype)
    assert can_drop_input(layer)
    assert torch.equal(gradient(without_input(layer), picture(dtype)), gradient(layer, picture(dtype)))


def test_pictures_with_channels_last_keep_their_order() -> None:
    layer, x = convolution(kernel_size=3, padding=1), picture().detach().to(memory_format=torch.channels_last)
    plain, lean = (gradient(run, x.clone().requires_grad_()) for run in (layer, without_input(layer)))
    assert torch.equal(plain, lean)
    assert plain.stride() == lean.stride()


def test_a_convolution_keeps_nothing() -> None:
    layer = convolution(kernel_size=3, padding=1)
    x = picture()
    for run, kept in ((layer, 3), (without_input(layer), 1)):
        with HeldMemory() as held:
            out = run(x * 2)
        assert held.bytes() == kept * out.numel() * 4, "x * 2 has twice as many numbers as the output"


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 4, 3, padding=1, padding_mode="circular").requires_grad_(False),
        nn.Conv2d(8, 4, 3, padding="same").requires_grad_(False),
        nn.Conv2d(8, 4, 3),
        nn.ConvTranspose2d(8, 4, 3).requires_grad_(False),
        nn.Linear(8, 4).requires_grad_(False),
    ],
)
def test_others_are_left_alone(layer: nn.Module) -> None:
    assert not can_drop_input(layer)


def norm_and_activation() -> nn.Sequential:
    return nn.Sequential(nn.GroupNorm(2, 8), nn.SiLU()).requires_grad_(False)


def test_what_is_made_again() -> None:
    part = norm_and_activation()
    assert torch.equal(gradient(made_again(part), picture()), gradient(part, picture()))


def test_of_what_is_made_again_only_the_input_is_kept() -> None:
    x = picture()
    for run, kept in ((norm_and_activation(), 3), (made_again(norm_and_activation()), 2)):
        with HeldMemory() as held:
            out = run(x * 2)
        assert held.bytes() == pytest.approx(kept * out.numel() * 4, rel=0.05), "the input and the output"


def test_without_a_gradient_nothing_is_made_twice() -> None:
    calls: list[bool] = []

    def run(x: Tensor) -> Tensor:
        calls.append(torch.is_grad_enabled())
        return x * 2

    again = made_again(run)
    with torch.no_grad():
        again(picture())
    again(picture().detach())
    assert calls == [False, True]
    gradient(again, picture())
    assert calls == [False, True, False, True]


@pytest.mark.parametrize("inside", [torch.bfloat16, None])
def test_autocast_is_as_it_was_in_the_forward_pass(inside: torch.dtype | None) -> None:
    """Web UIs predict inside autocast and leave it before the backward pass."""
    layer = convolution(kernel_size=3, padding=1)

    def both(x: Tensor) -> Tensor:
        return layer(torch.tanh(torch.nn.functional.linear(x.transpose(1, 3), torch.eye(8))).transpose(1, 3))

    def lean(x: Tensor) -> Tensor:
        return without_input(layer)(
            made_again(lambda x: torch.tanh(torch.nn.functional.linear(x.transpose(1, 3), torch.eye(8))))(x).transpose(
                1, 3
            )
        )

    found = []
    for run in (both, lean):
        x = picture()
        with torch.autocast("cpu", dtype=inside or torch.bfloat16, enabled=inside is not None):
            out = run(x)
        with torch.autocast("cpu", enabled=False):
            (result,) = torch.autograd.grad(out.float().square().sum(), x)
        found.append(result)
    assert found[0].dtype == found[1].dtype == torch.float32
    assert torch.equal(*found)
