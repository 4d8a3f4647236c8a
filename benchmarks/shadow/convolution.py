"""Convolutions of the shadow device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .memory import Memory


class Convolution:
    """Kernels of the two operations that torch leaves to other devices; it has checked types and devices before."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def forward(self, image: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Tensor:
        """Kernel of ``convolution_overrideable``. ``settings``: stride, padding, dilation, transposed, output_padding, groups."""
        low = [None if each is None else self._memory.plain(each, {}) for each in (image, weight, bias)]
        return self._memory.wrapped(torch.ops.aten.convolution(*low, *settings), {})

    def backward(self, grad_output: Tensor, image: Tensor, weight: Tensor, *settings: Any) -> Any:
        """Kernel of ``convolution_backward_overrideable``: the gradients of image, weight and bias, as the mask at the end of ``settings`` asks."""
        low = [self._memory.plain(each, {}) for each in (grad_output, image, weight)]
        *_, transposed, _, groups, _ = settings
        bias_sizes = [weight.shape[1] * groups if transposed else weight.shape[0]]
        gradients = torch.ops.aten.convolution_backward(*low, bias_sizes, *settings)
        return tuple(None if each is None else self._memory.wrapped(each, {}) for each in gradients)
