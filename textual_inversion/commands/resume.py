"""`resume`: go on with the newest run of an embedding, exactly where it stopped or from a saved step."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.base.options import choices_of
from ..core.base.pasted_path import pasted_path
from ..core.settings.train_config import TrainConfig
from .command import Command
from .config_options import whole_number
from .console import Console
from .shared import LOG_DIR, standalone_host
from .training import run_training, tell

_CHANGEABLE = ("steps", "precision", "recompute")
"""Settings that a run may go on with otherwise than it began."""


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the embedding whose run goes on")
    parser.add_argument(
        "--log-dir",
        type=pasted_path,
        default=Path(LOG_DIR),
        metavar="DIR",
        help=f"where to look for the run (default: {LOG_DIR})",
    )
    parser.add_argument("--steps", type=whole_number, metavar="N", help="a new total of steps (default: the run's own)")
    parser.add_argument(
        "--from-step",
        type=whole_number,
        metavar="K",
        help="go on from the copy saved at step K (default: from where it stopped)",
    )
    parser.add_argument(
        "--recompute", choices=choices_of(TrainConfig, "recompute"), help="how memory is saved (default: the run's own)"
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from ..core.record.run_folder import newest_run, open_run_directory

    root = newest_run(arguments.log_dir, arguments.name)
    _, recorded = open_run_directory(root)
    changes = {key: vars(arguments)[key] for key in _CHANGEABLE if vars(arguments).get(key) is not None}
    config = TrainConfig.from_mapping({**recorded["config"], **changes})
    host = standalone_host(arguments, console, checkpoint=recorded_checkpoint(recorded), precision=config.precision)
    finished = run_training(config, host, console, resume=root, from_step=arguments.from_step)
    return tell(finished, console)


def recorded_checkpoint(recorded: dict) -> Path | None:
    """The file that the run was started with; None where the run does not say, or it is gone."""
    resolved = recorded.get("resolved")
    path = resolved.get("checkpoint_path") if isinstance(resolved, dict) else None
    return Path(path) if isinstance(path, str) and path and Path(path).exists() else None


COMMAND = Command(
    name="resume",
    summary="go on with the newest run of an embedding",
    description="Takes up the newest run of NAME with its own settings and its own checkpoint. A run that went on without a "
    "break and one that was stopped and resumed give the same vectors.",
    usage="NAME [--log-dir DIR] [--steps N] [--from-step K]",
    examples=("resume my-cat", "resume my-cat --steps 4000", "resume my-cat --from-step 1500"),
    add_options=_add_options,
    run=_run,
)
