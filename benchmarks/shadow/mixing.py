"""Tensors of the CPU beside those of the device: which an operation takes, and which it refuses.

Where torch's table asks for one device, all must lie there. Most of the others are made by ``TensorIterator``, which takes one tensor
of the CPU if that has no dimensions (``TensorIteratorBase::compute_types``); torch checks that itself, for the shadow device too, where an
operation is a structured one. ``where`` and indexing have rules of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .cuda_kernels import kernels
from .memory import NAME, is_shadow

_ANY_SCALARS = {"aten::where"}
"""Move every tensor without dimensions to the device (``TensorCompare.cpp``)."""

_INDEXED = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
"""Move indices to the device of what is indexed (``TensorAdvancedIndexing.cpp``, ``make_info``)."""


def check(
    name: str, full: str, *, inputs: Sequence[Tensor], changed: Sequence[Tensor], indices: Sequence[Tensor]
) -> None:
    """Raise RuntimeError where CUDA would.

    ``full`` is the operation's name with its overload (``aten::add.Tensor``), ``changed`` what it writes into, ``indices``
    those of its tensors that stand in a list, as the indices of ``x[i, j]`` do.
    """
    strangers = [tensor for tensor in (*changed, *inputs) if not is_shadow(tensor)]
    kernel = kernels().get(full)
    if kernel is not None and kernel.one_device:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but got tensors on {NAME}:0 and on {strangers[0].device} "
            f"(when checking the arguments of {full})"
        )
    if name in _INDEXED:
        target = inputs[0] if name == "aten::index" else changed[0]
        _check_indexed(target, [tensor for tensor in inputs if not any(tensor is each for each in indices)])
    elif any(tensor.dim() for tensor in strangers) or not all(is_shadow(tensor) for tensor in changed):
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 and "
            f"{strangers[0].device}! (in {full})"
        )
    elif len(strangers) > 1 and name not in _ANY_SCALARS:
        raise RuntimeError(f"Trying to pass too many CPU scalars to non-CPU kernel! (in {full})")


def _check_indexed(target: Tensor, values: Sequence[Tensor]) -> None:
    if not is_shadow(target):
        raise RuntimeError(
            f"indices should be either on {target.device} or on the same device as the indexed tensor ({target.device})"
        )
    for tensor in values:
        if not is_shadow(tensor) and tensor.dim():
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 and {tensor.device}!"
            )
