"""Errors in the hooks of saved tensors, which end the process on devices that are registered from Python.

``torch.utils.checkpoint`` computes blocks again in such a hook, in the backward pass. Where it raises, torch calls the device's guard while the
error is still pending, the guard (Python, for this device) cannot run, and ``std::terminate`` follows. Here the hook gives a tensor instead,
of the right sizes, and the first operation that looks at it raises the error: torch handles errors of operations well.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .memory import Memory, is_shadow

Hook = Callable[[Any], Any]


def guarded(memory: Memory, pack: Hook, unpack: Hook) -> tuple[Hook, Hook]:
    """The same pair of hooks, the second of which never raises for tensors of the device."""

    @functools.wraps(pack)
    def packing(tensor: Tensor) -> Any:
        return pack(tensor), (tensor.size(), tensor.stride(), tensor.dtype) if is_shadow(tensor) else None

    @functools.wraps(unpack)
    def unpacking(kept: Any) -> Any:
        packed, shape = kept
        try:
            return unpack(packed)
        except BaseException as error:
            if shape is None:
                raise
            return memory.broken(*shape, error=error)

    return packing, unpacking


def install(memory: Memory) -> None:
    """Guard all hooks that are set from now on."""
    functions: Any = torch._C._autograd
    push = functions._push_saved_tensors_default_hooks

    @functools.wraps(push)
    def pushing(pack: Hook, unpack: Hook, *further: Any) -> Any:
        return push(*guarded(memory, pack, unpack), *further)

    functions._push_saved_tensors_default_hooks = pushing
