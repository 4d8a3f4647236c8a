"""Parts of a web UI's model that a gradient cannot pass, changed for as long as the model is lent.

Models that only make pictures add in place to what the backward pass still needs, or switch gradients off inside a method.
The change is made on the instances of one model; its classes stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from .swapped import swapped


@contextmanager
def cloned_inputs(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, each module works on a copy of its first argument, so that whoever adds to it in place spoils nothing saved.

    For the norms of a transformer block whose forward says ``x += n``: autograd has kept the norm's input.
    """
    handles = [module.register_forward_pre_hook(_clone_first) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _clone_first(_module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
    if not arguments or not isinstance(arguments[0], Tensor) or not torch.is_grad_enabled():
        return None
    return (arguments[0].clone(), *arguments[1:])


@contextmanager
def forward_on_copies(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, ``forward`` of each module works on a copy of its first argument, hooks on or off.

    For a block that adds to its own input and is to be computed again: the second time it would begin with the sum.
    """
    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(swapped(module, forward=_with_copy(module.forward)))
        yield


def _with_copy(forward: Callable[..., Any]) -> Callable[..., Any]:
    def on_copy(first: Tensor, *arguments: Any, **named: Any) -> Any:
        return forward(first.clone(), *arguments, **named)

    return on_copy


@contextmanager
def with_gradient(modules: Sequence[nn.Module], *, method: str = "forward") -> Iterator[int]:
    """Inside, ``method`` of each module runs without the ``no_grad`` or ``inference_mode`` that its class wrapped around it.

    Yields how many were unwrapped; those that are not wrapped stay. Put on the instances and taken off again.
    """
    wrapped = [module for module in modules if hasattr(getattr(type(module), method, None), "__wrapped__")]
    with ExitStack() as stack:
        for module in wrapped:
            bare = MethodType(getattr(type(module), method).__wrapped__, module)
            stack.enter_context(swapped(module, **{method: bare}))
        yield len(wrapped)


@contextmanager
def nothing_in_place(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, activations that overwrite their input (``inplace=True``) make a new tensor."""
    with ExitStack() as stack:
        for module in modules:
            if getattr(module, "inplace", False) is True:
                stack.enter_context(swapped(module, inplace=False))
        yield
