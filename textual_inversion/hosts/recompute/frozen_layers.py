"""Layers with frozen weights that keep nothing for the backward pass which they do not need there, or can make again.

torch keeps a convolution's input, for the gradient of a weight that asks for none (Bhatia & Dangel 2024, arXiv 2404.12406), and
the inputs of activations, which norms make again at no cost to speak of (Chen et al. 2016, arXiv 1604.06174). Gradients
are equal to torch's own to the last bit: the same kernels compute them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Run = Callable[[Tensor], Tensor]


def made_again(run: Run) -> Run:
    """``run``, of which the backward pass gets only the input, and computes the rest once more.

    Nothing random may happen in it (dropout is off in eval), and nothing but its input may want a gradient.
    """

    def running(x: Tensor) -> Tensor:
        return _MadeAgain.apply(x, run) if _differentiated(x) else run(x)

    return running


def without_input(layer: nn.Conv2d) -> Run:
    """The layer's own ``forward``, which keeps not even its input: a frozen convolution's gradient needs only the weight."""
    run = layer.forward

    def running(x: Tensor) -> Tensor:
        return _Convolution.apply(x, layer, run) if _differentiated(x) else run(x)

    return running


def can_drop_input(layer: nn.Module) -> bool:
    """Tell whether ``without_input`` knows the layer's gradient: a plain frozen convolution with zeros around the picture."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and not any(weight.requires_grad for weight in layer.parameters())
    )


def _differentiated(x: Tensor) -> bool:
    return torch.is_grad_enabled() and x.requires_grad


class _MadeAgain(torch.autograd.Function):
    """As ``torch.utils.checkpoint`` of one tensor, at a sixth of its overhead: a step goes through a hundred of these."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, run: Run) -> Tensor:
        ctx.run, ctx.autocast = run, _autocast(x.device.type)
        ctx.save_for_backward(x)
        return run(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        with torch.enable_grad(), ctx.autocast():
            part = x.detach().requires_grad_()
            made = ctx.run(part)
        (result,) = torch.autograd.grad(made, part, gradient)
        return result, None


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.Conv2d, run: Run) -> Tensor:
        ctx.layer, ctx.like = layer, (x.shape, x.dtype, _memory_format(x))
        return run(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        shape, dtype, memory_format = ctx.like
        layer: nn.Conv2d = ctx.layer
        weight = layer.weight.to(gradient.device, gradient.dtype)  # autocast may have computed in another type
        # Of the input only sizes and order are looked at, so it may hold anything.
        anything = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=memory_format)
        result = torch.ops.aten.convolution_backward(
            gradient, anything, weight, None, layer.stride, layer.padding, layer.dilation, False, (0, 0), layer.groups,
            (True, False, False),
        )[0]  # fmt: skip
        return result.to(dtype), None, None


def _memory_format(x: Tensor) -> torch.memory_format:
    channels_last = not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


def _autocast(device_type: str) -> Callable[[], AbstractContextManager[None]]:
    """The state of autocast as it is now, to be entered again in the backward pass."""
    if hasattr(torch, "get_autocast_dtype"):
        enabled, dtype = torch.is_autocast_enabled(device_type), torch.get_autocast_dtype(device_type)
    else:  # torch before 2.4 asks for each kind of device by a name of its own
        on_cpu = device_type == "cpu"
        enabled = torch.is_autocast_cpu_enabled() if on_cpu else torch.is_autocast_enabled()
        dtype = torch.get_autocast_cpu_dtype() if on_cpu else torch.get_autocast_gpu_dtype()
    return lambda: torch.autocast(device_type, enabled=enabled, dtype=dtype)
