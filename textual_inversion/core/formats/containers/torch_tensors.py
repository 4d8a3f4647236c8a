"""Descriptions of tensors in torch's pickles, and the tensors made of them, checked against their storage."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeGuard, cast

import torch

from ...base.errors import FileFormatError
from .checked_vectors import FLOAT_DTYPES
from .limits import MAX_VALUES
from .pickle_machine import Instance, Name, Vocabulary

_STORAGE_DTYPES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "untyped",
}

_MAX_PAIRS = 64
"""A pickle may repeat a list for a byte, so what copies it must be short."""

PARAMETER_DICT = "torch.nn.modules.container.ParameterDict"

StorageReader = Callable[[str, int], bytes]
"""``(key, byte count) -> exactly so many bytes`` of a storage; raises FileFormatError where there are fewer."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """A storage that the pickle refers to. Its device tag is not kept: everything is read to the CPU."""

    key: str
    dtype: str
    values: int
    read: StorageReader = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class TorchTensor:
    """A tensor described by a pickle; ``load`` reads it (a ``vectors.StoredTensor``)."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def load(self) -> torch.Tensor:
        """Read the values in their own [shape]. Raises FileFormatError where the description reaches beyond its
        storage."""
        dtype = FLOAT_DTYPES[self.dtype]
        self._check()
        data = self.storage.read(self.storage.key, self.storage.values * dtype.itemsize)
        flat = torch.frombuffer(bytearray(data), dtype=dtype)
        return flat.as_strided(self.shape, self.strides, self.offset).clone()

    def _check(self) -> None:
        """Small storages with strides of 0 can claim any size; only what is really there is read."""
        if self.storage.values > MAX_VALUES:
            raise FileFormatError(
                f"its storage claims {self.storage.values} values; an embedding has at most {MAX_VALUES}"
            )
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        if last >= self.storage.values or math.prod(self.shape) > self.storage.values:
            raise FileFormatError(
                f"a tensor of shape {list(self.shape)} claims more values than the {self.storage.values} that its "
                "storage holds"
            )


def torch_vocabulary(read: StorageReader) -> Vocabulary:
    """All that a torch pickle of an embedding may mention; ``read`` fetches a storage's bytes."""
    return Vocabulary(
        calls={
            "collections.OrderedDict": _ordered_dict,
            "__builtin__.set": _nothing,
            "builtins.set": _nothing,
            "torch.Size": _first_argument,
            "torch._utils._rebuild_tensor": _tensor,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch._utils._rebuild_tensor_v3": _tensor_v3,
            "torch._utils._rebuild_parameter": _first_argument,
            "torch._utils._rebuild_parameter_with_state": _first_argument,
        },
        instances=frozenset({PARAMETER_DICT}),
        persistent=lambda arguments: _persistent(arguments[0], read),
    )


def parameters_of(value: object) -> object:
    """Unwrap an ``nn.ParameterDict``; anything else stays as it is."""
    return value.state.get("_parameters") if isinstance(value, Instance) else value


def _persistent(persistent_id: object, read: StorageReader) -> object:
    """A storage; or the class of a module, beside which torch before 1.6 wrote the module's source text."""
    if isinstance(persistent_id, tuple) and cast("tuple[object, ...]", persistent_id)[:1] == ("module",):
        kind = cast("tuple[object, ...]", persistent_id)[1:2]
        if len(kind) == 1 and isinstance(kind[0], Name) and str(kind[0]) == PARAMETER_DICT:
            return kind[0]
    return _storage(persistent_id, read)


def _storage(persistent_id: object, read: StorageReader) -> Storage:
    if not isinstance(persistent_id, tuple) or len(cast("tuple[object, ...]", persistent_id)) not in (5, 6):
        raise FileFormatError("its pickle refers to something that is no storage. Nothing was executed")
    tag, kind, key, _location, values = cast("tuple[object, ...]", persistent_id)[:5]
    view = cast("tuple[object, ...]", persistent_id)[5:]
    dtype = _STORAGE_DTYPES.get(kind.name) if isinstance(kind, Name) else None
    if (
        tag != "storage"
        or dtype is None
        or not isinstance(key, str)
        or not _is_size(values)
        or view not in ((), (None,))
    ):
        raise FileFormatError("its pickle refers to a storage of an unknown kind")
    return Storage(key=key, dtype=dtype, values=values, read=read)


def _tensor(arguments: tuple[object, ...]) -> TorchTensor:
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, Storage):
        raise FileFormatError("its pickle describes a tensor without a storage")
    sizes, steps = _sizes(shape), _sizes(strides)
    if not _is_size(offset) or len(sizes) != len(steps):
        raise FileFormatError("its pickle describes a tensor whose sizes and strides do not fit together")
    return TorchTensor(storage=storage, dtype=storage.dtype, offset=offset, shape=sizes, strides=steps)


def _tensor_v3(arguments: tuple[object, ...]) -> TorchTensor:
    """The newer form names the type apart from the storage (float8 and the like)."""
    plain, dtype = _tensor(arguments), arguments[6]
    name = dtype.name if isinstance(dtype, Name) else "an unknown type"
    if name in FLOAT_DTYPES:
        raise FileFormatError(f"its pickle describes a {name} tensor over an untyped storage")
    return TorchTensor(storage=plain.storage, dtype=name, offset=plain.offset, shape=plain.shape, strides=plain.strides)


def _ordered_dict(arguments: tuple[object, ...]) -> dict[object, object]:
    if not arguments:
        return {}
    pairs = arguments[0]
    if not isinstance(pairs, list) or len(cast("list[object]", pairs)) > _MAX_PAIRS:
        raise FileFormatError("its pickle makes a dictionary of something that is no short list")
    found: dict[object, object] = {}
    for pair in cast("list[object]", pairs):
        key, value = cast("tuple[object, object]", pair)
        if not isinstance(key, (str, int)):
            raise FileFormatError(f"its pickle has a dictionary key of type {type(key).__name__}")
        found[key] = value
    return found


def _nothing(_: tuple[object, ...]) -> None:
    """Sets occur among a ParameterDict's attributes, and none is of use here."""


def _first_argument(arguments: tuple[object, ...]) -> object:
    return arguments[0]


def _sizes(value: object) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or len(cast("tuple[object, ...]", value)) > 8:
        raise FileFormatError("its pickle describes a tensor whose shape is no list of numbers")
    sizes = tuple(cast("tuple[object, ...]", value))
    if not all(_is_size(size) for size in sizes):
        raise FileFormatError("its pickle describes a tensor whose sizes are no counts")
    return cast("tuple[int, ...]", sizes)


def _is_size(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40
