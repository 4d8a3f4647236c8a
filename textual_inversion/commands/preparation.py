"""Parts shared by `preprocess` and `caption`: the folder of captioning models, the bar, and the report."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.base.pasted_path import pasted_path
from .console import Console

if TYPE_CHECKING:
    from ..prepare.captions.local_models import LocalModels
    from ..prepare.crop.job import Progress, Watch
    from ..prepare.folder.report import JobReport

_INTERRUPTED = 130


def add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models-dir",
        type=pasted_path,
        metavar="DIR",
        default=Path("models"),
        help="where captioning models are: BLIP/ and torch_deepdanbooru/, as in a web UI's models folder (default: ./models)",
    )


def local_models(arguments: argparse.Namespace) -> LocalModels:
    from ..prepare.captions.local_models import LocalModels

    return LocalModels(arguments.models_dir, device=arguments.device)


@contextmanager
def progress_bar(title: str, console: Console) -> Iterator[Watch]:
    """A bar on standard error; files that were not made get a line of their own."""
    from tqdm import tqdm

    bars: list[tqdm] = []

    def watch(progress: Progress) -> None:
        if not bars:
            calm = 0.1 if console.err.isatty() else 30.0
            bars.append(tqdm(desc=title, total=progress.total, unit="picture", file=console.err, mininterval=calm))
        if progress.file.outcome in ("left out", "unreadable"):
            tqdm.write(f"{progress.file.name}: {progress.file.reason}", file=console.err)
        bars[0].update(progress.done - bars[0].n)

    try:
        yield watch
    finally:
        for bar in bars:
            bar.close()


def tell_report(report: JobReport, console: Console) -> int:
    """The exit code."""
    console.record(report.to_mapping())
    console.say(report.summary())
    for note in report.notes:
        console.note(f"Note: {note}")
    return _INTERRUPTED if report.interrupted else 0
