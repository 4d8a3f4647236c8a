"""The operations that CUDA has, and those of them that check that all tensors lie on one device.

torch writes it down itself, in the table that its kernels are generated from: ``native_functions.yaml`` of torchgen, which comes with torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_TABLE = "packaged/ATen/native/native_functions.yaml"
_FLOATS_ONLY = {"mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot", "addbmm", "addr"}
"""cuBLAS multiplies no whole numbers: ``"addmm_cuda" not implemented for 'Long'``."""


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A row of the table."""

    one_device: bool
    """Generated code refuses tensors of different devices (no ``device_check: NoCheck``)."""

    on_cuda: bool
    floats_only: bool
    structured: bool
    """torch makes it, for other devices, of one that allocates and one that computes, with TensorIterator's checks between."""

    composite: bool
    """Other devices take it apart into several operations, where CUDA has one kernel."""


@cache
def kernels() -> Mapping[str, Kernel]:
    """All rows of the installed torch's table, by names as ``aten::add.out``."""
    package = find_spec("torchgen")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("torchgen, which comes with torch and says what CUDA takes, is not installed.")
    text = (Path(package.origin).parent / _TABLE).read_text(encoding="utf-8")
    rows = {row.partition("(")[0].strip(): row for row in re.split(r"^- func: ", text, flags=re.MULTILINE)[1:]}
    return {f"aten::{name}": _kernel(row, rows) for name, row in rows.items()}


def _kernel(row: str, rows: Mapping[str, str]) -> Kernel:
    own = _backends(row)
    delegate = re.search(r"structured_delegate: (\S+)", row)
    backends = own | _backends(rows[delegate[1]]) if delegate else own
    return Kernel(
        one_device="device_check: NoCheck" not in row,
        on_cuda="CUDA" in backends or "CPU" not in backends,
        floats_only=re.split(r"[.(]", row)[0].strip("_ ") in _FLOATS_ONLY,
        structured=delegate is not None and "CUDA" in backends,
        composite="CUDA" in backends and any(name.startswith("Composite") for name in own),
    )


def _backends(row: str) -> set[str]:
    dispatch = re.findall(r"^ {4}([\w, ]+):", row.partition("dispatch:")[2], flags=re.MULTILINE)
    return {name.strip() for names in dispatch for name in names.split(",")}
