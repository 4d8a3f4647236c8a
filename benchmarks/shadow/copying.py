"""Copies between the shadow device and the CPU, those that do not wait too."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .memory import NAME, Memory, is_shadow

_PINNED = "_shadow_pinned"
_GARBAGE = 85


class Copying:
    """Kernels of ``copy_``, ``_to_copy``, ``item`` and pinned memory.

    A copy to the CPU that does not wait is done when the device is waited for: until then its place holds rubbish, where a card's
    would hold whatever lay there before. A copy *to* the device is done at once, as are all where nothing is computed.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._waiting: list[tuple[Tensor, Tensor]] = []

    def copy_(self, target: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
        """Kernel of ``aten::copy_``, where one of the two or both are of the device."""
        low_source = self._numbers(source) if is_shadow(source) else source
        if is_shadow(target):
            low_target = self._numbers(target)
            low_target.copy_(low_source if self._memory.computing else low_source.to("meta"))
            return target
        self._bring(target, low_source, later=non_blocking and is_pinned(target))
        return target

    def to_copy(
        self,
        tensor: Tensor,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | None = None,
        pin_memory: bool | None = None,
        non_blocking: bool = False,
        memory_format: torch.memory_format | None = None,
    ) -> Tensor:
        """Kernel of ``aten::_to_copy`` from the device: to another type there, or to the CPU (into pinned memory, if it need not wait)."""
        shape: dict[str, Any] = {"dtype": dtype, "memory_format": memory_format}
        if not is_shadow(tensor):
            plain = torch.ops.aten._to_copy(tensor, **shape, device=self._memory.data_device)
            return self._memory.wrapped(plain, {})
        copy = torch.ops.aten._to_copy(self._numbers(tensor), **shape)
        if device is None or device.type == NAME:
            return self._memory.wrapped(copy, {})
        target = torch.empty_like(copy, device=device)
        if non_blocking and device.type == "cpu":
            setattr(target.untyped_storage(), _PINNED, True)
        self._bring(target, copy, later=non_blocking)
        return target

    def item(self, tensor: Tensor) -> Any:
        """Kernel of ``aten::_local_scalar_dense``: waits for the device, as on a card. One, where nothing is computed."""
        self.synchronize()
        low = self._memory.plain(tensor, {})
        return (low if low.device.type == "cpu" else torch.ones((), dtype=low.dtype)).item()

    def synchronize(self) -> None:
        """Do what was left undone."""
        waiting, self._waiting = self._waiting, []
        for target, source in waiting:
            target.copy_(source)

    def _numbers(self, tensor: Tensor) -> Tensor:
        """Those beneath, conjugate or negative where the tensor is; other operations get such a tensor without that mark."""
        plain = self._memory.plain(tensor, {})
        plain = torch.ops.aten._conj(plain) if tensor.is_conj() else plain
        return torch.ops.aten._neg_view(plain) if tensor.is_neg() else plain

    def _bring(self, target: Tensor, source: Tensor, *, later: bool) -> None:
        if source.device.type == "meta":
            target.fill_(1)  # a number that is finite, true, and a share of something
        elif later:
            self._waiting.append((target, source.clone()))
            target.fill_(math.nan if target.is_floating_point() else _GARBAGE)
        else:
            self.synchronize()
            target.copy_(source)


def pin_memory(tensor: Tensor, device: torch.device | None = None) -> Tensor:
    """Kernel of ``aten::_pin_memory`` on the CPU: a copy that ``is_pinned``."""
    copy = tensor.clone()
    setattr(copy.untyped_storage(), _PINNED, True)
    return copy


def is_pinned(tensor: Tensor, device: torch.device | None = None) -> bool:
    """Kernel of ``aten::is_pinned`` on the CPU."""
    return getattr(tensor.untyped_storage(), _PINNED, False)
