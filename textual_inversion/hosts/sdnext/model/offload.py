"""The model on its device, whatever the web UI's offload mode does with it between pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from modules import devices, sd_offload, shared
from torch import nn

_GROUP_HOOKS = ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading")
"""Names of diffusers' hooks, by which it takes them off itself."""


@contextmanager
def on_device(pipe: Any) -> Iterator[None]:
    """Inside, no part is moved by hooks and all are on the device; leaving sets the web UI's mode up again, as after a load.

    Its hooks move parts in their forward pass, so what a backward pass needs would be gone or on another device.
    """
    parts = _parts(pipe)
    if not _is_offloaded(pipe, parts):
        yield
        return
    try:
        _take_hooks_off(pipe, parts)
        for part in parts:
            part.to(torch.device(devices.device))
        yield
    finally:
        _offload(pipe, parts)


def _parts(pipe: Any) -> list[nn.Module]:
    return [getattr(pipe, name) for name in sd_offload.get_module_names(pipe)]


def _is_offloaded(pipe: Any, parts: list[nn.Module]) -> bool:
    hooked = any(hasattr(part, "_hf_hook") or hasattr(part, "_diffusers_hook") for part in parts)
    return hooked or bool(getattr(pipe, "has_accelerate", False))


def _take_hooks_off(pipe: Any, parts: list[nn.Module]) -> None:
    pipe.has_accelerate = True  # else nothing is done
    sd_offload.disable_offload(pipe)
    for part in parts:
        if registry := getattr(part, "_diffusers_hook", None):
            for name in _GROUP_HOOKS:
                registry.remove_hook(name, recurse=True)


def _offload(pipe: Any, parts: list[nn.Module]) -> None:
    """Balanced part by part: the web UI's own call for the whole pipeline skips a model that it has seen."""
    if shared.opts.diffusers_offload_mode != "balanced" or sd_offload.offload_hook_instance is None:
        sd_offload.set_diffuser_offload(pipe, quiet=True)
        return
    for part in parts:
        sd_offload.apply_balanced_offload_to_module(part)
    sd_offload.set_accelerate(pipe)
