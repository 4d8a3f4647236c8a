"""In-place additions, switched-off gradients and in-place activations, out of a gradient's way and back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from textual_inversion.hosts.differentiable import cloned_inputs, nothing_in_place, with_gradient


class Block(nn.Module):
    """Adds in place to what its norm has kept for the backward pass, as Forge's transformer block does."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(4), nn.LayerNorm(4)
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * 1
        x += self.linear(self.norm1(x))
        x += self.linear(self.norm2(x))
        return x

    def out_of_place(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.linear(self.norm1(x))
        return x + self.linear(self.norm2(x))


def test_a_block_that_adds_in_place_gives_the_gradient_of_one_that_does_not() -> None:
    torch.manual_seed(0)
    block, x = Block(), torch.randn(2, 4, requires_grad=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        block(x).sum().backward()
    with cloned_inputs([block.norm1, block.norm2]):
        (found,) = torch.autograd.grad(block(x).square().sum(), x)
    (wanted,) = torch.autograd.grad(block.out_of_place(x).square().sum(), x)
    assert torch.equal(found, wanted)
    assert not block.norm1._forward_pre_hooks
    assert not block.norm2._forward_pre_hooks


def test_without_a_gradient_nothing_is_copied() -> None:
    seen = []
    norm = nn.LayerNorm(4)
    x = torch.ones(1, 4)
    with cloned_inputs([norm]), torch.no_grad():
        norm.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
        norm(x)
    assert seen[0] is x


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.SiLU(inplace=True)
        self.plain = nn.SiLU()

    @torch.inference_mode()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(x * 2)


def test_a_method_under_inference_mode_is_unwrapped_on_the_instance_alone() -> None:
    decoder, other = Decoder(), Decoder()
    x = torch.ones(2, requires_grad=True)
    with with_gradient([decoder, decoder.act]) as count:
        assert count == 1
        assert decoder(x).requires_grad
        assert not other(x).requires_grad
    assert not decoder(x).requires_grad
    assert "forward" not in vars(decoder)


def test_activations_stop_overwriting_and_start_again() -> None:
    decoder = Decoder()
    with nothing_in_place(list(decoder.modules())):
        assert not decoder.act.inplace
    assert decoder.act.inplace
    assert not decoder.plain.inplace
