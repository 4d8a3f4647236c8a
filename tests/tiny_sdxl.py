"""Whole SDXL checkpoints in miniature, made like those of `tiny_checkpoint.py`; they need no `.yaml` to be understood.

`hosts/reference/a1111_sdxl.npz` was computed with `NARROW` by A1111 1.10.1. `WIDE` has text encoders of the true widths, of
two layers, with the same small U-Net and VAE; its file holds float16.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_checkpoint import REFERENCE, checkpoint_weights, uniform_weight
from tiny_text_encoder import LAYERS, SD2_LAYERS, SD2_WIDTH, open_clip_weights, text_encoder_weights
from torch import Tensor

L_WIDTH = SD2_WIDTH
"""Of the first encoder, as wide as the second here: its heads are 64 wide where no config tells."""


@dataclass(frozen=True)
class TextSizes:
    """Widths and layers of both text encoders; heads are 64 wide."""

    name: str
    first: int
    second: int
    first_layers: int
    second_layers: int
    dtype: torch.dtype = torch.float32


NARROW = TextSizes("tiny-sdxl", L_WIDTH, SD2_WIDTH, LAYERS, SD2_LAYERS)
WIDE = TextSizes("tiny-sdxl-wide", 768, 1280, 2, 2, torch.float16)


def write_tiny_sdxl(folder: Path, sizes: TextSizes = NARROW) -> Path:
    """Writes `tiny-sdxl.safetensors`, or `tiny-sdxl-wide.safetensors`."""
    path = folder / f"{sizes.name}.safetensors"
    save_file(sdxl_weights(sizes), path)
    return path


def sdxl_weights(sizes: TextSizes = NARROW) -> dict[str, Tensor]:
    """Every tensor by its name: sgm's U-Net, LDM's VAE, both text encoders."""
    shapes: dict[str, list[int]] = json.loads((REFERENCE / "tiny_sdxl_shapes.json").read_text())
    weights = {name: uniform_weight(f"sdxl {name}", _shape(name, shape, sizes)) for name, shape in shapes.items()}
    weights.update({k: v for k, v in checkpoint_weights().items() if k.startswith("first_stage_model.")})
    first = text_encoder_weights(sizes.first, sizes.first_layers)
    second = open_clip_weights(sizes.second, sizes.second_layers)
    weights.update({f"conditioner.embedders.0.transformer.{name}": weight for name, weight in first.items()})
    weights.update({f"conditioner.embedders.1.model.{name}": weight for name, weight in second.items()})
    return {name: weight.to(sizes.dtype) for name, weight in weights.items()}


def _shape(name: str, shape: list[int], sizes: TextSizes) -> list[int]:
    """The U-Net reads both encoders side by side, and the pooled output of the second one before its sizes."""
    if name.endswith((".attn2.to_k.weight", ".attn2.to_v.weight")):
        return [shape[0], sizes.first + sizes.second]
    if name.endswith("label_emb.0.0.weight"):
        return [shape[0], sizes.second + 1536]
    return shape
