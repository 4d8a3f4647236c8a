"""Reads a single-file checkpoint: its tensors, its SHA-256, and nothing that runs."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ....core.base.errors import FileFormatError, LeaseError, ResourceError
from ....core.base.file_kinds import kind_of_file
from ....core.base.pasted_path import exists

SUFFIXES = (".safetensors", ".ckpt")


@dataclass(frozen=True, kw_only=True)
class CheckpointFile:
    """Tensors by their names in the file (on the CPU, as stored), and the text of a safetensors header."""

    tensors: dict[str, torch.Tensor]
    metadata: Mapping[str, str]


def read_checkpoint(path: Path, *, suffixes: tuple[str, ...] = SUFFIXES) -> CheckpointFile:
    """Read ``.safetensors`` or ``.ckpt`` (tensors only, nothing in it is executed).

    Raises LeaseError where there is no such file, FileFormatError for a file that is not what its name says.
    """
    if not exists(path) or not path.is_file():
        raise LeaseError(_no_checkpoint(path, suffixes), field="checkpoint")
    if path.suffix.lower() not in suffixes:
        raise FileFormatError(
            f"{path.name} is no checkpoint this program reads: it takes {' and '.join(suffixes)} files.",
            field="checkpoint",
        )
    kind = kind_of_file(path)
    if kind is not None and not kind.startswith("a ZIP"):  # torch's files are ZIP archives
        raise FileFormatError(f"{path.name} cannot be read as a model: it is {kind}.", field="checkpoint")
    try:
        return _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_pickle(path)
    except MemoryError as error:
        raise ResourceError(f"There is not enough memory to read {path.name}.") from error


def _no_checkpoint(path: Path, suffixes: tuple[str, ...]) -> str:
    wanted = f"Give a {' or '.join(suffixes)} file of SD 1.x, SD 2.x or SDXL"
    if (path / "model_index.json").is_file():
        return f"{path} is a folder of diffusers, which is not read. {wanted}."
    if path.is_dir():
        return f"{path} is a folder. {wanted}."
    if not path.suffix and not path.is_absolute() and len(path.parts) == 2:
        return f"There is no checkpoint at {path}. Names of the Hugging Face Hub are not read. {wanted}, downloaded."
    return f"There is no checkpoint at {path}. {wanted}."


def _read_safetensors(path: Path) -> CheckpointFile:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = list(file.keys())  # a safetensors handle is no mapping
            return CheckpointFile(
                tensors={name: file.get_tensor(name) for name in names}, metadata=dict(file.metadata() or {})
            )
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise FileFormatError(
            f"{path.name} is no readable safetensors file ({error}). It may be cut off: compare its size with the "
            "source and download it again.",
            field="checkpoint",
        ) from error


class _Ignored:
    """Stands in for the few harmless objects that training left in old files. Does nothing, whatever it is given."""

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __setstate__(self, _state: object) -> None: ...


def _ignored(module: str, name: str) -> type:
    return type(name, (_Ignored,), {"__module__": module, "__qualname__": name})


_LEFTOVERS = [
    _ignored("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
    _ignored("pytorch_lightning.callbacks", "ModelCheckpoint"),
    _ignored("numpy.core.multiarray", "scalar"),
    _ignored("numpy._core.multiarray", "scalar"),
    _ignored("numpy", "dtype"),
]


def _read_pickle(path: Path) -> CheckpointFile:
    try:
        content = _load_weights(path)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError, AttributeError, KeyError) as error:
        raise FileFormatError(
            f"{path.name} cannot be read safely: it is broken, or holds more than tensors "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}). "
            "Get the .safetensors version of this model.",
            field="checkpoint",
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise FileFormatError(f"{path.name} holds no table of tensors.", field="checkpoint")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    return CheckpointFile(tensors=tensors, metadata={})


def _load_weights(path: Path) -> Any:
    allow = getattr(torch.serialization, "safe_globals", None)  # torch 2.5 and newer
    if allow is None:
        return torch.load(path, map_location="cpu", weights_only=True)
    with allow(_LEFTOVERS):
        return torch.load(path, map_location="cpu", weights_only=True)
