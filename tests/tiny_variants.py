"""The checkpoints that every host is tried with, by name: SD 1, SD 2 (v and epsilon), inpainting, SDXL, SDXL of true widths."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file
from tiny_checkpoint import uniform_weight, write_tiny_checkpoint
from tiny_sdxl import WIDE, write_tiny_sdxl

from textual_inversion.core.model.host import ModelFamily, PredictionType

FIRST_CONVOLUTION = "model.diffusion_model.input_blocks.0.0.weight"


@dataclass(frozen=True)
class Variant:
    """A kind of checkpoint. ``write`` puts it into a folder as `tiny-NAME.safetensors`, with its `.yaml` for SD 1 and 2."""

    family: ModelFamily
    write: Callable[[Path], Path]
    prediction: PredictionType = "epsilon"


def write_sd2_epsilon(folder: Path) -> Path:
    """SD 2's weights, read as a model that predicts the noise."""
    path = _copied(write_tiny_checkpoint(folder, "sd2"), "tiny-sd2-eps")
    _edit(path, "parameterization: v", "parameterization: eps")
    return path


def write_inpainting(folder: Path) -> Path:
    """SD 1's weights, with a first convolution that also reads a mask and the masked picture's latents."""
    path = _copied(write_tiny_checkpoint(folder, "sd1"), "tiny-inpainting")
    weights = load_file(path)
    shape = weights[FIRST_CONVOLUTION].shape
    weights[FIRST_CONVOLUTION] = uniform_weight("inpainting", [shape[0], 9, *shape[2:]])
    save_file(weights, path)
    _edit(path, "ddpm.LatentDiffusion", "ddpm.LatentInpaintDiffusion")
    _edit(path, "conditioning_key: crossattn", "conditioning_key: hybrid\n    finetune_keys: null")
    _edit(path, "in_channels: 4\n", "in_channels: 9\n")
    return path


def _copied(path: Path, name: str) -> Path:
    """Under another name, the `.yaml` too."""
    for suffix in (".safetensors", ".yaml"):
        shutil.copyfile(path.with_suffix(suffix), path.with_name(name + suffix))
    return path.with_name(f"{name}.safetensors")


def _edit(path: Path, old: str, new: str) -> None:
    text = path.with_suffix(".yaml").read_text(encoding="utf-8")
    assert old in text
    path.with_suffix(".yaml").write_text(text.replace(old, new, 1), encoding="utf-8")


VARIANTS: dict[str, Variant] = {
    "sd1": Variant("sd1", write_tiny_checkpoint),
    "sd2": Variant("sd2", lambda folder: write_tiny_checkpoint(folder, "sd2"), "v_prediction"),
    "sd2-eps": Variant("sd2", write_sd2_epsilon),
    "inpainting": Variant("sd1", write_inpainting),
    "sdxl": Variant("sdxl", write_tiny_sdxl),
    "sdxl-wide": Variant("sdxl", lambda folder: write_tiny_sdxl(folder, WIDE)),
}
