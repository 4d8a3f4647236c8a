"""Choose the device that the model runs on, and say why it is not the card that is there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import torch

from ...core.base.errors import LeaseError

Precision = Literal["auto", "float32", "float16", "bfloat16"]

_DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def choose_device(name: str | None = None) -> torch.device:
    """The device named, else CUDA, else Apple's MPS, else the CPU. Raises LeaseError where it cannot be used."""
    if name is None or name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise LeaseError(f"{name!r} is no device; use cpu, cuda, cuda:1 or mps.", field="device") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise LeaseError(unused_card() or "torch sees no NVIDIA card here; use --device cpu.", field="device")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise LeaseError(f"There is no {name}: torch sees {torch.cuda.device_count()} card(s).", field="device")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise LeaseError("Apple's MPS cannot be used here; use --device cpu.", field="device")
    if device.type not in ("cpu", "cuda", "mps"):
        raise LeaseError(f"The device {name!r} is not supported; use cpu, cuda or mps.", field="device")
    return device


def unused_card(driver: Path = Path("/proc/driver/nvidia")) -> str | None:
    """A sentence where an NVIDIA card is there and torch cannot use it, else None."""
    if torch.cuda.is_available() or not (driver.exists() or shutil.which("nvidia-smi")):
        return None
    if torch.version.cuda is None:
        return (
            "An NVIDIA card is there, but the installed torch is built without CUDA, so everything runs on the CPU. "
            "Install torch with CUDA (the command is on https://pytorch.org/get-started/locally/)."
        )
    return (
        f"An NVIDIA card is there, but torch (built for CUDA {torch.version.cuda}) cannot use it, so everything runs on "
        "the CPU. Update the NVIDIA driver, or install a torch built for an older CUDA."
    )


def unet_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The U-Net's dtype. ``auto`` is float16 on CUDA, as web UIs run, and float32 elsewhere.

    Raises LeaseError for a name that is none of these.
    """
    if precision == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    if precision not in _DTYPES:
        raise LeaseError(f"{precision!r} is no precision; use auto, {', '.join(_DTYPES)}.", field="precision")
    return _DTYPES[precision]
