"""``tensor.data = other`` from one device to another, which CUDA and the CPU allow each other, and torch no other device.

``module.to("cuda")`` stands on it: the parameters stay the objects that they were, so whoever holds them sees them moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .memory import is_shadow

Change = Callable[[Tensor], Tensor]


@contextmanager
def allowed() -> Iterator[None]:
    """Inside, it is allowed between the CPU and the shadow device."""
    before, apply = vars(torch.Tensor).get("data"), nn.Module._apply
    plain: Any = torch._C.TensorBase.data

    def take(tensor: Tensor, value: Tensor) -> None:
        if is_shadow(tensor) != is_shadow(value) and "cpu" in (tensor.device.type, value.device.type):
            _swap(tensor, value)
        else:
            plain.__set__(tensor, value)

    def apply_to_the_same(module: nn.Module, change: Change, *options: Any, **named: Any) -> nn.Module:
        return apply(module, _in_place(change), *options, **named)

    torch.Tensor.data = property(plain.__get__, take)
    nn.Module._apply = apply_to_the_same
    try:
        yield
    finally:
        nn.Module._apply = apply
        if before is None:
            del torch.Tensor.data
        else:
            torch.Tensor.data = before


def _in_place(change: Change) -> Change:
    """Let a parameter that is moved to another device stay the object that it is; torch makes a new one there."""

    def moved(tensor: Tensor) -> Tensor:
        result = change(tensor)
        if not isinstance(tensor, nn.Parameter) or is_shadow(tensor) == is_shadow(result):
            return result
        tensor.data = result
        return tensor

    return moved


def _swap(tensor: Tensor, value: Tensor) -> None:
    """Put another tensor over the same memory behind the object; its gradient goes to the new device with it."""
    other = value.detach().requires_grad_(tensor.requires_grad)
    if tensor.grad is not None:
        other.grad = tensor.grad.to(value.device)
    torch._C._swap_tensor_impl(tensor, other)
