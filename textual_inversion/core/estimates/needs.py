"""Memory that a run's settings need on a card, and memory that is free there."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..model.shape import ModelShape
from ..pictures.fit import Size
from ..settings.train_config import TrainConfig
from .memory import MemoryEstimate, estimate_memory

_GIGA, _MEGA = 1e9, 1e6


def memory_of(config: TrainConfig, sizes: Sequence[Size], shape: ModelShape) -> MemoryEstimate:
    """For a run with these settings, of pictures of these training sizes."""
    return estimate_memory(
        shape,
        sizes,
        batch_size=config.batch_size,
        recompute=config.recompute,
        previews=bool(config.image_every),
        halves=2 if config.apt and not config.halves_in_turn else 1,
        reconstruction=bool(config.apt and config.reconstruction),
    )


def free_memory(device: str) -> int | None:
    """Bytes, with what torch holds unused; None where that cannot be asked (only CUDA tells)."""
    if not device.startswith("cuda") or not torch.cuda.is_available():
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def reconstruction_refused(
    config: TrainConfig, sizes: Sequence[Size], shape: ModelShape | None, *, free: int | None
) -> str | None:
    """A sentence where ``free`` bytes beside the model do not allow the reconstruction loss; None where they do, where it is
    off, and where nothing is known."""
    if not (config.apt and config.reconstruction) or shape is None or free is None:
        return None
    with_it, without = (memory_of(each, sizes, shape) for each in (config, config.replace(reconstruction=0.0)))
    if with_it.beside_model <= free:
        return None
    return (
        f"The reconstruction loss was switched off: with it, training needs about {spoken_bytes(with_it.beside_model)} beside the "
        f"model (without it {spoken_bytes(without.beside_model)}), and {spoken_bytes(free)} are free on {shape.device}. Smaller "
        "pictures, batch size 1, computing all again or 'One half after the other' make room for it."
    )


def spoken_bytes(number: float) -> str:
    """``2.6 GB``, ``340 MB``"""
    return f"{number / _GIGA:.1f} GB" if number >= _GIGA else f"{number / _MEGA:.0f} MB"
