"""Safetensors files, through the library of that name; its header is checked before anything is believed."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ...base.errors import FileFormatError
from .limits import MAX_HEADER_BYTES

_DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64", "I64": "int64", "I32": "int32"}


@dataclass(frozen=True, kw_only=True)
class SafetensorsTensor:
    """A tensor in a safetensors file (a ``vectors.StoredTensor``); only its own bytes are read by ``load``."""

    path: Path
    key: str
    dtype: str
    shape: tuple[int, ...]

    def load(self) -> torch.Tensor:
        """Read the values in their own [shape]. Raises FileFormatError where the file is shorter than it says."""
        try:
            with safe_open(str(self.path), framework="pt", device="cpu") as file:
                return file.get_tensor(self.key).clone()
        except (SafetensorError, OSError, RuntimeError) as error:
            raise FileFormatError(f"its tensor {self.key[:80]!r} cannot be read ({str(error)[:80]})") from error


def read_safetensors(path: Path) -> tuple[Mapping[str, SafetensorsTensor], Mapping[str, str]]:
    """The tensors by key (still in the file) and the metadata. Raises FileFormatError on a broken header."""
    _check_header_size(path)
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            tensors: dict[str, SafetensorsTensor] = {}
            for key in file.keys():  # noqa: SIM118 (safe_open is no mapping)
                view = file.get_slice(key)
                dtype = str(view.get_dtype())
                shape = tuple(view.get_shape())
                tensors[key] = SafetensorsTensor(path=path, key=key, dtype=_DTYPES.get(dtype, dtype), shape=shape)
            return tensors, dict(file.metadata() or {})
    except (SafetensorError, RuntimeError) as error:
        raise FileFormatError(f"its safetensors header is broken ({str(error)[:120]})") from error


def looks_like_safetensors(head: bytes) -> bool:
    """Eight bytes of header length, then JSON."""
    return len(head) > 8 and head[8:9] == b"{" and not _is_printable(head[:8])  # no letters


def _is_printable(start: bytes) -> bool:
    """True for text: a length in letters would be of exabytes."""
    return start.isascii() and start.decode("ascii").isprintable()


def _check_header_size(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        (claimed,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
    if claimed > size - 8:
        raise FileFormatError(f"its header claims {claimed} bytes, the file has {size}: it was cut off or damaged")
    if claimed > MAX_HEADER_BYTES:
        raise FileFormatError(f"its header has {claimed} bytes, at most {MAX_HEADER_BYTES} are read")
