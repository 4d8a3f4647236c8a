"""The state of a run in one safetensors file: its tensors, and the rest as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..base.errors import FileFormatError
from ..base.files import write_bytes
from ..embedding.pair import positive_half
from ..update.state import RunState

_VERSION = 1
_TENSOR_FIELDS = ("vectors", "optimizer_tensors", "average", "best_vectors", "reference")


def save_state(state: RunState, path: Path) -> None:
    """Write atomically. Raises ResourceError where the disk is full or may not be written."""
    tensors: dict[str, torch.Tensor] = {}
    numbers: dict[str, Any] = {}
    for name, value in vars(state).items():
        if name in _TENSOR_FIELDS:
            tensors.update({f"{name}/{key}": _plain(tensor) for key, tensor in value.items()})
        else:
            numbers[name] = value
    write_bytes(path, save(tensors, metadata={"version": str(_VERSION), "state": json.dumps(numbers)}))


def load_state(path: Path) -> RunState:
    """Read back what ``save_state`` wrote. Raises FileFormatError for anything else."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata: Mapping[str, str] = file.metadata() or {}
            if "state" not in metadata:
                raise ValueError("it is a safetensors file of another kind")
            if metadata.get("version") != str(_VERSION):
                raise ValueError(f"it has version {metadata.get('version')}, and this program reads version {_VERSION}")
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        numbers = json.loads(metadata["state"])
        grouped: dict[str, dict[str, torch.Tensor]] = {name: {} for name in _TENSOR_FIELDS}
        for key, tensor in tensors.items():
            group, name = key.split("/", 1)
            grouped[group][name] = tensor
        numbers["evaluations"] = [(int(step), float(loss)) for step, loss in numbers["evaluations"]]
        numbers.setdefault("first_step", next((step for step, _ in numbers["evaluations"]), numbers["step"]))
        values: dict[str, Any] = {**numbers, **grouped}
        return _checked(RunState(**values))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileFormatError(
            f"{path} cannot be read as the state of a run ({error}). Continue from one of the saved copies instead."
        ) from error


def _checked(state: RunState) -> RunState:
    """A state that training can go on from: a step, and vectors that are numbers."""
    if type(state.step) is not int or state.step < 0 or not state.vectors:
        raise ValueError("it holds no step or no vectors")
    if not all(rows.dim() == 2 and bool(rows.isfinite().all()) for rows in state.vectors.values()):
        raise ValueError("its vectors are no finite numbers")
    shapes = _shapes(state.vectors)
    if any(_shapes(others) not in ({}, shapes) for others in (state.average, state.best_vectors)):
        raise ValueError("its average or best vectors are not of the vectors' shapes")
    if _shapes(state.reference) not in ({}, _shapes(positive_half(state.vectors))):
        raise ValueError("its reference is not of the vectors' shapes")
    if type(state.first_step) is not int or not 0 <= state.first_step <= state.step:
        raise ValueError("its first step is none")
    if type(state.best_step) is not (int if state.best_vectors else type(None)):
        raise ValueError("its best step has no vectors, or its best vectors have no step")
    scales, counts = (state.rate_scale, state.loss_scale), (state.average_updates, state.loss_scale_good_steps)
    if not all(type(x) in (int, float) and 0 < x < math.inf for x in scales) or not all(type(x) is int for x in counts):
        raise ValueError("its scales and counts are no numbers")
    losses = (state.best_loss, state.smooth_loss, state.word_loss)
    if any(x is not None and type(x) not in (int, float) for x in losses):
        raise ValueError("its losses are no numbers")
    return state


def _shapes(vectors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """The [vectors, width] of each key."""
    return {key: tuple(rows.shape) for key, rows in vectors.items()}


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """A copy of its own in the same [shape], on the CPU, as files have to have it."""
    return tensor.detach().cpu().contiguous().clone()
