"""Run one training watched and steered from this terminal: shared by `train`, `resume` and `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..core.base.control import Control
from ..core.record.events import Finished
from ..core.settings.train_config import TrainConfig
from .console import Console
from .interrupts import steered_by_signals
from .progress import ProgressBar

if TYPE_CHECKING:
    from ..core.model.host import Host


def run_training(
    config: TrainConfig, host: Host, console: Console, *, resume: Path | None = None, from_step: int | None = None
) -> Finished:
    """Train in this process until the run ends, under the lock of its name. Raises UserError before anything started."""
    from ..core.run.train import train
    from ..runs.locks.name_lock import NameLock

    control = Control()
    with (
        NameLock(host.embeddings_dir, config.name),
        steered_by_signals(control, console),
        ProgressBar(console) as bar,
    ):
        return train(config, host, control=control, emit=bar, resume=resume, from_step=from_step)


def tell(finished: Finished, console: Console) -> int:
    """Say how the run ended and where its files are; returns the exit code."""
    (console.say if finished.exit_code in (0, 130) else console.note)(finished.message)
    if finished.run_dir:
        console.say(f"Copies, previews and the loss table: {finished.run_dir}")
    return finished.exit_code
