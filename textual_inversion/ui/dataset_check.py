"""The line that tells what a run would be trained on, before it starts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..core.config import TrainConfig
from ..core.host import Host

if TYPE_CHECKING:
    from ..core.dataset import Dataset


def check_run(config: TrainConfig, host: Host) -> tuple[str, tuple[str, ...]]:
    """A summary and what a person should know. Raises InputError as the start of the run would."""
    from ..core.job import prepare  # with the first check: a web UI that starts need not read all of the formats

    job = prepare(config, host, resume=None, from_step=None)
    left = config.steps - job.start_step
    begins = f", going on from step {job.start_step}" if job.start_step else ""
    return f"{describe_dataset(job.dataset)} {_rounds(job.dataset, config, left)}{begins}.", job.warnings


def describe_dataset(dataset: Dataset) -> str:
    """Number of pictures, captions and training sizes in one sentence."""
    items = [item for item in dataset.items if not item.mirrored]
    captions = sum(bool(item.caption) for item in items)
    sizes = Counter(f"{width}x{height}" for width, height in (item.size for item in items))
    shapes = ", ".join(size if len(sizes) == 1 else f"{count} at {size}" for size, count in sizes.most_common(4))
    told = "all with captions" if captions == len(items) else f"{captions} with captions"
    return f"{len(items)} picture{'s' if len(items) != 1 else ''} ({shapes}), {told}."


def _rounds(dataset: Dataset, config: TrainConfig, steps: int) -> str:
    seen = steps * config.batch_size * config.gradient_accumulation
    each = seen / max(1, sum(dataset.repeats))
    return f"{steps} steps show each of them {each:.0f} times" if each >= 1 else f"{steps} steps show {seen} of them"
