"""The storages of the shadow device: tensors that torch takes for those of a device, with their numbers somewhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
from torch import Tensor

from .ledger import Block, Ledger

NAME = "shadow"
_ALIGNMENT = 512
"""Bytes: CUDA's caching allocator rounds every block up to a multiple of these."""

_FIRST_ADDRESS = 1 << 44
_HELD = "_shadow_held"

Storages = dict[int, torch.UntypedStorage]
"""Storages of the device by the address of the storage that holds their data."""


def is_shadow(value: object) -> bool:
    """Tell whether it is a tensor of the shadow device."""
    return isinstance(value, Tensor) and value.device.type == NAME


def redispatched(op: Any, *arguments: Any, **named: Any) -> Any:
    """Run the CPU's kernel of an operation that looks at sizes and strides only, on tensors of whatever device."""
    return op.redispatch(torch._C.DispatchKeySet(torch._C.DispatchKey.CPU), *arguments, **named)


class _Held:
    """The data, memory and error behind a storage of the device; dies with it."""

    __slots__ = ("block", "data", "error", "freed")

    def __init__(self, data: torch.UntypedStorage, block: Block, freed: Callable[[Block], None]) -> None:
        self.data, self.block, self.freed = data, block, freed
        self.error: BaseException | None = None

    def __del__(self) -> None:
        self.freed(self.block)


class Memory:
    """Makes tensors of the device out of plain ones, and finds the plain ones again.

    A tensor of the device is a plain ``torch.Tensor`` (no subclass), whose storage has the device's name and an address.
    The data lie in another storage, on the CPU or, where nothing is computed, on ``meta``; it hangs on the first as an attribute.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.limit: int | None = None
        """Bytes; what goes beyond raises ``torch.OutOfMemoryError``, as on a card."""

        self.data_device = torch.device("cpu")
        self._addresses = count(_FIRST_ADDRESS, _ALIGNMENT)

    @property
    def computing(self) -> bool:
        return self.data_device.type == "cpu"

    @contextmanager
    def without_computing(self) -> Iterator[None]:
        """Inside, new tensors have a size and no numbers."""
        before, self.data_device = self.data_device, torch.device("meta")
        try:
            yield
        finally:
            self.data_device = before

    def plain(self, tensor: Tensor, storages: Storages) -> Tensor:
        """The tensor that holds its numbers: the same sizes, strides and offset. Its storage is noted in ``storages``."""
        storage = tensor.untyped_storage()
        held = getattr(storage, _HELD, None)
        if held is None:  # torch made it, and it holds nothing
            return torch.empty(tensor.size(), dtype=tensor.dtype, device=self.data_device)
        if held.error is not None:
            raise held.error
        storages[held.data._cdata] = storage
        empty = torch.empty(0, dtype=tensor.dtype, device=held.data.device)
        return empty.set_(held.data, tensor.storage_offset(), tensor.size(), tensor.stride())

    def wrapped(self, plain: Tensor, storages: Storages) -> Tensor:
        """A tensor of the device over its numbers; a view of one whose storage is in ``storages``. Raises OutOfMemoryError."""
        tensor = torch._C._acc.create_empty_tensor([0], plain.dtype)
        self.follow(tensor, plain, storages)
        return tensor

    def follow(self, tensor: Tensor, plain: Tensor, storages: Storages) -> None:
        """Give a tensor of the device the storage, sizes, strides and offset of ``plain``."""
        data = plain.untyped_storage()
        storage = storages.get(data._cdata)
        if storage is None or storage.nbytes() != data.nbytes():
            storage = storages[data._cdata] = self.storage_of(data)
        redispatched(
            torch.ops.aten.set_.source_Storage_storage_offset,
            tensor, storage, plain.storage_offset(), plain.size(), plain.stride(),
        )  # fmt: skip

    def storage_of(self, data: torch.UntypedStorage) -> torch.UntypedStorage:
        """A storage of the device whose numbers are ``data``. Raises OutOfMemoryError."""
        size = data.nbytes()
        rounded = -(-size // _ALIGNMENT) * _ALIGNMENT
        if self.limit is not None and self.ledger.held + rounded > self.limit:
            raise torch.OutOfMemoryError(
                f"{NAME} out of memory. Tried to allocate {rounded} bytes; {self.ledger.held} of {self.limit} are in use."
            )
        block = self.ledger.allocate(rounded)
        address = data.data_ptr() if data.device.type == "cpu" else next(self._addresses)
        storage = torch._C._construct_storage_from_data_pointer(address, torch.device(NAME, 0), size)
        setattr(storage, _HELD, _Held(data, block, self.ledger.free))
        return storage

    def broken(self, size: Sequence[int], stride: Sequence[int], dtype: torch.dtype, *, error: BaseException) -> Tensor:
        """A tensor that has sizes only: whoever wants its numbers gets ``error`` raised."""
        plain = torch.empty_strided(size, stride, dtype=dtype, device="meta")
        tensor = self.wrapped(plain, {})
        getattr(tensor.untyped_storage(), _HELD).error = error
        return tensor

    def block_of(self, tensor: Tensor) -> Block | None:
        """The piece of the device's memory behind it; None where it takes none."""
        held = getattr(tensor.untyped_storage(), _HELD, None)
        return held.block if held else None
