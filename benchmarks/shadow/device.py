"""The shadow device, made known to torch once in a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import torch
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from . import autocast, data_across_devices, new_storages, saved_hooks
from .attention import Attention
from .copying import Copying, is_pinned, pin_memory
from .cuda_kernels import kernels
from .dispatch import Dispatcher
from .ledger import Ledger
from .memory import NAME, Memory, redispatched
from .randomness import Randomness
from .torch_module import ShadowModule

_KEY = "PrivateUse1"
_SHAPES_ONLY = (
    "view", "as_strided", "_reshape_alias", "unfold",
    "set_.source_Storage", "set_.source_Storage_storage_offset", "set_.source_Tensor", "is_set_to",
)  # fmt: skip


class ShadowDevice:
    """``torch.device("shadow")``, and what may be asked of it beside what torch asks."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.memory = Memory(self.ledger)
        self.randomness = Randomness()
        self._copying = Copying(self.memory)
        self._libraries = (torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL"))

    def register(self) -> None:
        """Make it known to torch. Cannot be undone."""
        module = ShadowModule(self.memory, self.randomness, self._copying.synchronize)
        _setup_privateuseone_for_python_backend(NAME, backend_module=module)
        saved_hooks.install(self.memory)
        new_storages.install(self.memory)
        everything, aten = self._libraries
        dispatcher = Dispatcher(self.memory, self.randomness)
        everything.fallback(dispatcher, _KEY)
        for op in _whole():
            aten.impl(op, partial(dispatcher, op), _KEY)
        for name in _SHAPES_ONLY:
            op = _named(name)
            aten.impl(op, partial(redispatched, op), _KEY)
        for name, kernel in self._kernels().items():
            aten.impl(name, kernel, _KEY)
        aten.impl("scaled_dot_product_attention", Attention(self.memory).choose, f"Autograd{_KEY}")
        autocast.install(aten, everything)
        aten.impl("_pin_memory", pin_memory, "CPU")
        aten.impl("is_pinned", is_pinned, "CPU")

    @contextmanager
    def in_use(self) -> Iterator[ShadowDevice]:
        """Inside, ``module.to("shadow")`` keeps its parameters the same objects, as ``to("cuda")`` does; leaving forgets a limit."""
        try:
            with data_across_devices.allowed():
                yield self
        finally:
            self.memory.limit = None

    @contextmanager
    def without_computing(self) -> Iterator[ShadowDevice]:
        """Inside, tensors of the device have sizes and no numbers, and whatever is read from them is 1."""
        with self.in_use(), self.memory.without_computing():
            yield self

    def _kernels(self) -> dict[str, Any]:
        attention = Attention(self.memory)
        return {
            "copy_": self._copying.copy_,
            "_to_copy": self._copying.to_copy,
            "_local_scalar_dense": self._copying.item,
            "scaled_dot_product_attention": attention.choose,
            "_scaled_dot_product_fused_attention_overrideable": attention.forward,
            "_scaled_dot_product_fused_attention_overrideable_backward": attention.backward,
        }


def _whole() -> Iterator[Any]:
    """Operations that CUDA does at once and torch, for other devices, in parts: memory is to be taken as there."""
    yield torch.ops.aten.convolution.default
    for name, kernel in kernels().items():
        op = _named(name.removeprefix("aten::")) if kernel.composite or kernel.structured else None
        if op is not None:
            yield op


def _named(name: str) -> Any:
    """The operation ``add.Tensor``; None where this torch has none."""
    packet, overload = (*name.split("."), "default")[:2]
    return getattr(getattr(torch.ops.aten, packet, None), overload, None)


def supported() -> bool:
    """Tell whether this torch lets Python register a device (since 2.10 or so), and has its table of kernels beside it."""
    return hasattr(getattr(torch._C, "_acc", None), "create_empty_tensor") and find_spec("torchgen") is not None


@cache
def shadow_device() -> ShadowDevice:
    """The device of this process, registered with the first call.

    That has to come before the first backward pass: torch makes its queues for the devices that it knows then.
    """
    device = ShadowDevice()
    device.register()
    return device
