"""Run torch's operations on the shadow device: with the CPU's tensors beneath, or, where nothing is computed, with shapes alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from .cuda_kernels import kernels
from .memory import Memory, Storages, is_shadow
from .mixing import check
from .randomness import Randomness

_HALF = {torch.float16, torch.bfloat16}


class Operation:
    """An operation and the facts of its schema, looked up once."""

    def __init__(self, op: Any) -> None:
        self.op = op
        self.name: str = op._schema.name
        self.full = f"{self.name}.{op._schema.overload_name}".rstrip(".")
        self._kernel = kernels().get(self.full)

    @cached_property
    def changed(self) -> tuple[int | str, ...]:
        """Positions and names of the arguments that it writes into."""
        return tuple(
            argument.name if argument.kwarg_only else position
            for position, argument in enumerate(self.op._schema.arguments)
            if argument.alias_info is not None and argument.alias_info.is_write
        )

    @cached_property
    def tensors(self) -> tuple[int, ...]:
        """Positions of the arguments that are one tensor."""
        return tuple(
            position
            for position, argument in enumerate(self.op._schema.arguments)
            if isinstance(argument.type, torch.TensorType) and not argument.kwarg_only
        )

    def callable(self, arguments: Sequence[Any]) -> Any:
        """The operation, or all that have its name: torch hands over a plain number in the place of a tensor that was made of one."""
        if any(
            position < len(arguments) and isinstance(arguments[position], (int, float)) for position in self.tensors
        ):
            return self.op.overloadpacket
        return self.op

    @cached_property
    def random(self) -> bool:
        return torch.Tag.nondeterministic_seeded in self.op.tags

    @cached_property
    def takes_generator(self) -> bool:
        return any(argument.name == "generator" for argument in self.op._schema.arguments)

    @property
    def structured(self) -> bool:
        return self._kernel is not None and self._kernel.structured

    def in_parts(self, *arguments: Any, **named: Any) -> Any:
        """Let torch allocate, check (as TensorIterator does for CUDA) and compute one after the other."""
        return self.op._op_dk(torch._C.DispatchKey.CompositeExplicitAutogradNonFunctional, *arguments, **named)

    def check(self, arguments: Sequence[Any], named: dict[str, Any]) -> None:
        """Raise RuntimeError where CUDA refuses these tensors, some of which are the CPU's."""
        changed, inputs, listed = [], [], []
        for place, value in (*enumerate(arguments), *named.items()):
            found = list(_tensors(value))
            (changed if place in self.changed else inputs).extend(found)
            if not isinstance(value, Tensor):
                listed.extend(found)
        check(self.name, self.full, inputs=inputs, changed=changed, indices=listed)

    def check_kernel(self, arguments: Sequence[Any]) -> None:
        """Raise NotImplementedError where CUDA has no such operation, or none for whole numbers."""
        kernel = self._kernel
        if kernel is None or (kernel.on_cuda and not kernel.floats_only):
            return
        if not kernel.on_cuda:
            raise NotImplementedError(f"Could not run {self.full!r} with arguments from the 'CUDA' backend.")
        if not (arguments[0].is_floating_point() or arguments[0].is_complex()):
            raise NotImplementedError(f"{self.full} is not implemented on CUDA for {arguments[0].dtype}")


class Call:
    """The tensors of one operation: those of the device, those beneath, and the way back."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._storages: Storages = {}
        self._pairs: list[tuple[Tensor, Tensor]] = []
        self.strangers = False

    def lower(self, value: Any) -> Any:
        """Put the tensors beneath in the place of those of the device."""
        if isinstance(value, Tensor):
            if not is_shadow(value):
                self.strangers = True
                return value if self._memory.computing or not value.dim() else value.to("meta")
            plain = self._memory.plain(value, self._storages)
            self._pairs.append((value, plain))
            return plain
        if isinstance(value, (list, tuple)):
            return [self.lower(each) for each in value]
        return value

    def raised(self, value: Any) -> Any:
        """Put tensors of the device in the place of those beneath; those that were given come back themselves."""
        if isinstance(value, Tensor):
            for tensor, plain in self._pairs:
                if plain is value:
                    return tensor
            return self._memory.wrapped(value, self._storages)
        if isinstance(value, (list, tuple)):
            return type(value)(self.raised(each) for each in value)
        return value

    def follow(self) -> None:
        """Give tensors that an operation resized or turned the shape of those beneath."""
        for tensor, plain in self._pairs:
            if (
                tensor.size() != plain.size()
                or tensor.stride() != plain.stride()
                or tensor.untyped_storage().nbytes() != plain.untyped_storage().nbytes()
            ):
                self._memory.follow(tensor, plain, self._storages)


class Dispatcher:
    """The kernel of every operation on the device that has none of its own."""

    def __init__(self, memory: Memory, randomness: Randomness) -> None:
        self._memory, self._randomness = memory, randomness
        self._operations: dict[Any, Operation] = {}
        self._casts = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)

    def __call__(self, op: Any, *arguments: Any, **named: Any) -> Any:
        operation = self._operations.get(op)
        if operation is None:
            operation = self._operations[op] = Operation(op)
        call = Call(self._memory)
        low = [call.lower(each) for each in arguments]
        low_named = {name: call.lower(each) for name, each in named.items()}
        operation.check_kernel(arguments)
        if call.strangers and operation.structured:
            return operation.in_parts(*arguments, **named)
        if call.strangers:
            operation.check(arguments, named)
        if low_named.get("device") is not None:
            low_named["device"] = self._memory.data_device
        if "pin_memory" in low_named:
            low_named["pin_memory"] = False
        with torch._C._ExcludeDispatchKeyGuard(self._casts):  # the CPU's autocast is none of the device's
            result = self._run(operation, low, low_named)
        if operation.changed:
            call.follow()
        return call.raised(result)

    def _run(self, operation: Operation, arguments: list[Any], named: dict[str, Any]) -> Any:
        if not operation.random:
            return operation.callable(arguments)(*arguments, **named)
        self._randomness.refuse(named.get("generator"))
        if not self._memory.computing:
            return operation.op(*arguments, **named)
        if operation.takes_generator:
            return operation.op(*arguments, **{**named, "generator": self._randomness.generator})
        with self._randomness.as_global():
            return operation.op(*arguments, **named)


def _tensors(value: Any) -> Iterable[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)
