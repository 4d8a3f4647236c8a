"""Weights made in inference mode, lent as ordinary tensors: the same storage, and the owner's objects afterwards."""

from __future__ import annotations

from contextlib import suppress

import pytest
import torch
from torch import nn

from textual_inversion.hosts.inference_views import ordinary_weights


class Shared(nn.Module):
    """A table that stands in two places, as Forge's token table does, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 3)
        self.again = nn.Module()
        self.again.weight = self.table.weight
        self.linear = nn.Linear(3, 3)
        self.register_buffer("scale", torch.tensor([2.0, 3.0, 4.0]))
        self.register_buffer("nothing", None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x * self.scale) @ self.table.weight.T


@pytest.fixture
def model() -> Shared:
    with torch.inference_mode():
        return Shared()


def objects(model: nn.Module) -> list[int]:
    return [id(each) for part in model.modules() for each in [*part._parameters.values(), *part._buffers.values()]]


def test_a_gradient_passes_only_while_they_are_lent(model: Shared) -> None:
    x = torch.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="nference tensors"):
        model(x)
    with ordinary_weights([model]) as count:
        model(x).sum().backward()
    assert count == 4
    (wanted,) = torch.autograd.grad(_copy(model)(x).sum(), x)
    assert x.grad is not None
    assert torch.equal(x.grad, wanted)


def _copy(model: Shared) -> Shared:
    copy = Shared()
    copy.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    return copy


def test_leaving_puts_the_very_objects_back_and_no_copy_was_made(model: Shared) -> None:
    before, flags = objects(model), [each.requires_grad for each in model.parameters()]
    storage = model.linear.weight.untyped_storage().data_ptr()
    with suppress(ValueError), ordinary_weights([model, model.linear]):
        assert model.linear.weight.untyped_storage().data_ptr() == storage
        assert model.again.weight is model.table.weight
        assert isinstance(model.linear.weight, nn.Parameter)
        assert not any(each.is_inference() or each.requires_grad for each in model.parameters())
        raise ValueError
    assert objects(model) == before
    assert [each.requires_grad for each in model.parameters()] == flags
    assert all(each.is_inference() for each in model.parameters())


def test_views_keep_shape_offset_and_strides(model: Shared) -> None:
    with torch.inference_mode():
        model._buffers["scale"] = torch.arange(12.0).reshape(3, 4).T[1:, 1]
    expected = model.scale.tolist()
    with ordinary_weights([model]):
        assert model.scale.tolist() == expected
        assert model.scale.stride() == (1,)


def test_what_the_owner_replaces_meanwhile_stays(model: Shared) -> None:
    mine = nn.Parameter(torch.zeros(3, 3))
    with ordinary_weights([model]):
        model.linear.weight = mine
    assert model.linear.weight is mine
    assert model.linear.bias.is_inference()


def test_ordinary_weights_are_left_alone() -> None:
    model = Shared()
    before = objects(model)
    with ordinary_weights([model]) as count:
        assert (count, objects(model)) == (0, before)
