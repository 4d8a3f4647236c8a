"""``torch.UntypedStorage(bytes, device="shadow")``, which ``torch.load`` and ``copy.deepcopy`` ask for.

torch has no way to give a device that is registered from Python an allocator, and would end the process.
"""

from __future__ import annotations

from typing import Any

import torch

from .memory import NAME, Memory


def install(memory: Memory) -> None:
    """Take such requests on; all others go on as before."""
    make = torch.UntypedStorage.__new__

    def new(cls: type[torch.UntypedStorage], *arguments: Any, **named: Any) -> torch.UntypedStorage:
        device = named.get("device")
        if device is None or torch.device(device).type != NAME:
            return make(cls, *arguments, **named)
        size = arguments[0] if arguments else 0
        return memory.storage_of(torch.empty(size, dtype=torch.uint8, device=memory.data_device).untyped_storage())

    torch.UntypedStorage.__new__ = new
