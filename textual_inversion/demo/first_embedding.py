"""The first embedding, as the command ``demo`` and the app's first page make it: what is asked of the engine, and the prompts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..core.settings.memory import Precision
from ..core.settings.train_config import TrainConfig

if TYPE_CHECKING:
    from ..core.model.host import Host

NAME = "demo-concept"
VECTORS = 2
STEPS = 300
PROMPTS = (
    "a photo of a {}",
    "a {} on a black background",
    "a {} on a green background, at the left",
    "a shaded {} on a blue background, at the top",
)
SAMPLING_STEPS, GUIDANCE_SCALE = 20, 5.0
COPIES = 4
"""Steps that are kept on the way, the last among them."""


def first_run(
    host: Host,
    *,
    pictures: Path,
    log_dir: Path,
    name: str = NAME,
    steps: int = STEPS,
    seed: int = 0,
    precision: Precision = "auto",
) -> TrainConfig:
    """Settings that learn the demo's concept from its ``pictures``."""
    every = max(steps // COPIES, 1)
    return TrainConfig(
        name=name,
        data=(str(pictures),),
        template="subject_filewords.txt",
        steps=steps,
        learning_rate="0.005",
        batch_size=4,
        width=host.native_size,
        height=host.native_size,
        seed=seed,
        log_dir=str(log_dir),
        save_every=every,
        image_every=every,
        csv_every=10,
        preview_prompts=(PROMPTS[0].format("[name]"),),
        precision=precision,
    )
