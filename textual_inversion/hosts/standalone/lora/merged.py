"""LoRAs added to the weights of the lent model, and taken out again bit for bit.

The product of a LoRA's two matrices is added once, so that steps and pictures cost what they cost without it (Hu et al.
2022, section 4.1). What was there before waits in RAM and is put back; subtracting would leave rounding behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from ....core.base.errors import FileFormatError, InputError, UserError
from ....core.model.lora import LoraUse
from ..checkpoint.checkpoint import SUFFIXES, read_checkpoint
from ..loading import LoadedModel
from .names import family_of, layers_by_name, split_name

_SUFFIXES = (*SUFFIXES, ".pt", ".bin")
_MOST_NAMED = 3


@contextmanager
def with_loras(model: LoadedModel, uses: Sequence[LoraUse]) -> Iterator[None]:
    """Inside, the model's weights hold the LoRAs. Raises InputError or FileFormatError, before anything is changed, for a file
    that is missing, of another kind, or made for another model."""
    if not uses:
        yield
        return
    layers = layers_by_name(model.networks, model.layout.unet.shape)
    changes = [change for use in uses for change in _changes(use, layers)]
    originals: dict[int, tuple[Tensor, Tensor]] = {}
    try:
        for weight, delta in changes:
            originals.setdefault(id(weight), (weight, weight.detach().to("cpu", copy=True)))
            _add(weight, delta)
        yield
    finally:
        for weight, before in originals.values():
            weight.data.copy_(before)


@torch.no_grad()
def _add(weight: Tensor, delta: Tensor) -> None:
    weight.copy_((weight.float() + delta.to(weight.device)).to(weight.dtype))


def _changes(use: LoraUse, layers: Mapping[str, nn.Module]) -> list[tuple[Tensor, Tensor]]:
    """Weights with what is to be added to them, float32 of the same shape."""
    path = Path(use.file)
    if not path.is_file() or path.suffix.lower() not in _SUFFIXES:
        raise InputError(
            f"There is no LoRA file at {use.file}. Give the path of one ({', '.join(_SUFFIXES)}).", field="lora"
        )
    try:
        tensors = read_checkpoint(path, suffixes=_SUFFIXES).tensors
    except UserError as error:
        raise type(error)(error.message, field="lora") from error
    grouped = _grouped(tensors, path)
    unknown = [name for name in grouped if name not in layers]
    if unknown:
        raise FileFormatError(
            f"The LoRA {path.name} is for another model ({family_of(grouped)}, by its names): {len(unknown)} of its {len(grouped)} layers "
            f"are not in the loaded checkpoint, {', '.join(unknown[:_MOST_NAMED])} among them.",
            field="lora",
        )
    return [
        (layers[name].weight, use.weight * _delta(parts, layers[name], name=name, path=path))
        for name, parts in grouped.items()
    ]


def _grouped(tensors: Mapping[str, Tensor], path: Path) -> dict[str, dict[str, Tensor]]:
    grouped: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        found = split_name(name)
        if found is not None:
            grouped.setdefault(found[0], {})[found[1]] = tensor
        elif not name.startswith(("emb_params", "bundle_emb")):
            raise FileFormatError(f"{path.name} is no LoRA: it holds {name!r}.", field="lora")
    other = sorted({part for parts in grouped.values() for part in parts} - {"down", "up", "alpha"})
    if other:
        raise FileFormatError(
            f"{path.name} holds {', '.join(other[:_MOST_NAMED])}: it is a LoHa, LoKr, DoRA or another relative of a LoRA. LoRA and LoCon "
            "can be used here; merge this one into a checkpoint, and train on that.",
            field="lora",
        )
    if not grouped:
        raise FileFormatError(f"{path.name} holds no LoRA.", field="lora")
    return grouped


def _delta(parts: Mapping[str, Tensor], layer: nn.Module, *, name: str, path: Path) -> Tensor:
    """Multiply ``up`` [out, rank(, 1, 1)] with ``down`` [rank, in(, kh, kw)], times alpha / rank, as the layer's weight is shaped."""
    if "down" not in parts or "up" not in parts:
        raise FileFormatError(
            f"The LoRA {path.name} has only one half of {name}: the file is not complete.", field="lora"
        )
    down, up = parts["down"].float(), parts["up"].float()
    rank = down.shape[0]
    shape = layer.weight.shape
    product = up.flatten(1) @ down.flatten(1) if up.shape[1:].numel() == rank else None
    if product is None or product.numel() != shape.numel() or product.shape[0] != shape[0]:
        raise FileFormatError(
            f"The LoRA {path.name} does not fit the loaded checkpoint: {name} is of shape {list(shape)} there, and the file changes one of "
            f"{[up.shape[0], *down.shape[1:]]}.",
            field="lora",
        )
    scale = float(parts["alpha"]) / rank if "alpha" in parts else 1.0
    return product.reshape(shape) * scale
