"""Weights that were made in inference mode, as ordinary tensors for as long as they are lent.

Forge loads a model inside ``torch.inference_mode``. Autograd refuses such tensors ("Inference tensors cannot be saved for
backward"), and setting ``.data`` on one breaks it for its owner too. So each is replaced, in its module's own tables, by a
new tensor on the same storage: no copy, no memory, and the owner's objects come back as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def ordinary_weights(modules: Sequence[nn.Module]) -> Iterator[int]:
    """Inside, no parameter or buffer of ``modules`` is an inference tensor; yields how many were replaced.

    The replacements ask for no gradient. A tensor that stands in several places stays one tensor. Leaving assigns the very
    objects that were there; what the owner put in place of a replacement meanwhile is its own and stays.
    """
    replaced: list[tuple[MutableMapping[str, Any], str, Tensor, Tensor]] = []
    views: dict[int, Tensor] = {}
    try:
        for table, key, tensor in _inference_tensors(modules):
            if id(tensor) not in views:
                views[id(tensor)] = ordinary_view(tensor)
            replaced.append((table, key, tensor, views[id(tensor)]))
            table[key] = views[id(tensor)]
        yield len(views)
    finally:
        for table, key, original, view in reversed(replaced):
            if table.get(key) is view:
                table[key] = original


def _inference_tensors(modules: Sequence[nn.Module]) -> Iterator[tuple[MutableMapping[str, Any], str, Tensor]]:
    seen: set[int] = set()
    for module in modules:
        for part in module.modules():
            if id(part) in seen:
                continue
            seen.add(id(part))
            tables: tuple[MutableMapping[str, Any], ...] = (part._parameters, part._buffers)
            for table in tables:
                for key, tensor in list(table.items()):
                    if tensor is not None and tensor.is_inference():
                        yield table, key, tensor


def ordinary_view(tensor: Tensor) -> Tensor:
    """Make a tensor (a parameter, where it was one) on the same storage, of the same type, shape and strides."""
    with torch.inference_mode(False), torch.no_grad():
        view = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        view.set_(tensor.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride())
        return nn.Parameter(view, requires_grad=False) if isinstance(tensor, nn.Parameter) else view
