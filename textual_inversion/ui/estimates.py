"""Memory and time of a run as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from ..core.config import TrainConfig
from ..core.fit import Size
from ..core.memory_estimate import MemoryEstimate, estimate_memory
from ..core.model_shape import ModelShape
from ..core.time_estimate import estimate_seconds, recent_paces, spoken
from ..runs.manager import RunManager

_GIGA, _MEGA = 1e9, 1e6
_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_CUDA = "cuda"


@dataclass(frozen=True)
class Costs:
    """``sentence`` is for the summary; ``advice`` what to change where the memory will not do."""

    sentence: str
    advice: tuple[str, ...]

    @classmethod
    def of(cls, config: TrainConfig, sizes: Sequence[Size], *, steps: int, manager: RunManager) -> Costs:
        """For a run of pictures of these training sizes."""
        shape = manager.host.model_shape()
        if shape is None:
            return cls("How much memory and time it takes is known once a checkpoint is loaded.", ())
        shape = _in_precision(shape, config)
        need = _memory(config, sizes, shape)
        widths = [text.width for text in shape.text]
        time = estimate_seconds(config, steps, recent_paces(manager.log_dirs), device=shape.device, widths=widths)
        told = spoken(time) if time else "the time is known after the first steps"
        return cls(
            f"Takes about {_bytes(need.peak)} of memory ({_bytes(need.weights)} of it for the model); {told}.",
            tuple(_advice(config, sizes, shape, need)),
        )


def _in_precision(shape: ModelShape, config: TrainConfig) -> ModelShape:
    wanted = _BYTES.get(config.precision, shape.activation_bytes)
    unet = shape.weights["unet"] * wanted // shape.activation_bytes
    return replace(shape, weights={**shape.weights, "unet": unet}, activation_bytes=wanted)


def _memory(config: TrainConfig, sizes: Sequence[Size], shape: ModelShape) -> MemoryEstimate:
    return estimate_memory(
        shape,
        sizes,
        batch_size=config.batch_size,
        checkpointing=config.checkpointing,
        previews=bool(config.image_every),
    )


def _advice(config: TrainConfig, sizes: Sequence[Size], shape: ModelShape, need: MemoryEstimate) -> Iterator[str]:
    free = _free(shape.device)
    if free is None or need.beside_model <= free:
        return
    ways = [
        (
            f"gradient checkpointing ({_figure(config.replace(checkpointing=True), sizes, shape)})",
            not config.checkpointing,
        ),
        (
            f"batch size 1 with {config.batch_size * config.gradient_accumulation} accumulation steps "
            f"({_figure(config.replace(batch_size=1), sizes, shape)})",
            config.batch_size > 1,
        ),
        ("smaller width and height", True),
    ]
    wanted = ", ".join(way for way, fits in ways if fits)
    yield (
        f"It needs about {_bytes(need.beside_model)} beside the model, and {_bytes(free)} are free on {shape.device}. "
        f"To need less: {wanted}."
    )


def _figure(config: TrainConfig, sizes: Sequence[Size], shape: ModelShape) -> str:
    return _bytes(_memory(config, sizes, shape).beside_model)


def _bytes(number: float) -> str:
    return f"{number / _GIGA:.1f} GB" if number >= _GIGA else f"{number / _MEGA:.0f} MB"


def _free(device: str) -> int | None:
    """Bytes, with what torch holds unused; None where that cannot be asked."""
    if not device.startswith(_CUDA) or not torch.cuda.is_available():
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
