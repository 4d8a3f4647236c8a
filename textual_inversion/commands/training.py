"""What `train`, `resume` and `demo` share: one run, watched and steered from this terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..core.config import TrainConfig
from ..core.control import Control
from ..core.events import Finished
from .console import Console
from .interrupts import steered_by_signals
from .progress import ProgressBar

if TYPE_CHECKING:
    from ..core.host import Host


def run_training(
    config: TrainConfig, host: Host, console: Console, *, resume: Path | None = None, from_step: int | None = None
) -> Finished:
    """Train in this process until the run ends, under the lock of its name. Raises UserError before anything started."""
    from ..core.run import train
    from ..runs.lock import NameLock

    control = Control()
    with (
        NameLock(host.embeddings_dir, config.name),
        steered_by_signals(control, console),
        ProgressBar(console) as bar,
    ):
        return train(config, host, control=control, emit=bar, resume=resume, from_step=from_step)


def tell(finished: Finished, console: Console) -> int:
    """Say how the run ended and where its files are; returns the exit code."""
    console.say(finished.message)
    for label, path in (("Embedding", finished.embedding), ("Run", finished.run_dir)):
        if path:
            console.say(f"{label}: {path}")
    return finished.exit_code
