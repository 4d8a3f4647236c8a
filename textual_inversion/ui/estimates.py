"""Memory and time of a run as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..core.estimates.memory import MemoryEstimate
from ..core.estimates.needs import free_memory, memory_of, reconstruction_refused, spoken_bytes
from ..core.estimates.time import estimate_seconds, recent_paces, spoken
from ..core.model.shape import ModelShape
from ..core.pictures.fit import Size
from ..core.settings.train_config import TrainConfig
from ..runs.manager import RunManager

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


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
        need = memory_of(config, sizes, shape)
        widths = [text.width for text in shape.text]
        time = estimate_seconds(config, steps, recent_paces(manager.log_dirs), device=shape.device, widths=widths)
        told = spoken(time) if time else "the time is known after the first steps"
        return cls(
            f"Takes about {spoken_bytes(need.peak)} of memory ({spoken_bytes(need.weights)} of it for the model); {told}.",
            tuple(_advice(config, sizes, shape, need)),
        )


def _in_precision(shape: ModelShape, config: TrainConfig) -> ModelShape:
    wanted = _BYTES.get(config.precision, shape.activation_bytes)
    unet = shape.weights["unet"] * wanted // shape.activation_bytes
    return replace(shape, weights={**shape.weights, "unet": unet}, activation_bytes=wanted)


def _advice(config: TrainConfig, sizes: Sequence[Size], shape: ModelShape, need: MemoryEstimate) -> Iterator[str]:
    free = free_memory(shape.device)
    if sentence := reconstruction_refused(config, sizes, shape, free=free):
        yield sentence.replace("was switched off", "will be switched off", 1)
        config = config.replace(reconstruction=0.0)
        need = memory_of(config, sizes, shape)
    if free is None or need.beside_model <= free:
        return
    ways = [
        (
            f"computing all again ({_figure(config.replace(recompute='full'), sizes, shape)})",
            config.recompute != "full",
        ),
        (
            f"batch size 1 with {config.batch_size * config.gradient_accumulation} accumulation steps "
            f"({_figure(config.replace(batch_size=1), sizes, shape)})",
            config.batch_size > 1,
        ),
        (
            f"one half after the other ({_figure(config.replace(halves_in_turn=True), sizes, shape)})",
            config.apt and not config.halves_in_turn,
        ),
        ("smaller width and height", True),
    ]
    wanted = ", ".join(way for way, fits in ways if fits)
    yield (
        f"It needs about {spoken_bytes(need.beside_model)} beside the model, and {spoken_bytes(free)} are free on {shape.device}. "
        f"To need less: {wanted}."
    )


def _figure(config: TrainConfig, sizes: Sequence[Size], shape: ModelShape) -> str:
    return spoken_bytes(memory_of(config, sizes, shape).beside_model)
