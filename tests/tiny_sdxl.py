"""A whole SDXL checkpoint in miniature, made like those of `tiny_checkpoint.py`; it needs no `.yaml` to be understood.

`hosts/reference/a1111_sdxl.npz` was computed with it by A1111 1.10.1.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file
from tiny_checkpoint import REFERENCE, checkpoint_weights, uniform_weight
from tiny_text_encoder import SD2_WIDTH, open_clip_weights, text_encoder_weights
from torch import Tensor

L_WIDTH = SD2_WIDTH
"""Of the first encoder, as wide as the second here: its heads are 64 wide where no config tells."""


def write_tiny_sdxl(folder: Path) -> Path:
    """Writes `tiny-sdxl.safetensors`."""
    path = folder / "tiny-sdxl.safetensors"
    save_file(sdxl_weights(), path)
    return path


def sdxl_weights() -> dict[str, Tensor]:
    """Every tensor by its name, float32: sgm's U-Net, LDM's VAE, both text encoders."""
    shapes: dict[str, list[int]] = json.loads((REFERENCE / "tiny_sdxl_shapes.json").read_text())
    weights = {name: uniform_weight(f"sdxl {name}", shape) for name, shape in shapes.items()}
    weights.update({k: v for k, v in checkpoint_weights().items() if k.startswith("first_stage_model.")})
    first, second = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
    weights.update({first + name: weight for name, weight in text_encoder_weights(L_WIDTH).items()})
    weights.update({second + name: weight for name, weight in open_clip_weights().items()})
    return weights
