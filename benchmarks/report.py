"""The cases that are measured, and the table or JSON of what was found."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from textual_inversion.commands.config_options import counted
from textual_inversion.core.base.errors import UserError
from textual_inversion.core.model.host import Host, Recompute
from textual_inversion.hosts.standalone.device import choose_device
from textual_inversion.hosts.standalone.host import StandaloneHost

from .random_model import random_host
from .step_cost import Case, Measured, measure

DEMO, SD15 = "demo", "sd15"
_QUICK: tuple[Recompute, ...] = ("selective",)
_ALL: tuple[Recompute, ...] = ("none", "selective", "full")
_DEMO_SIZE, _SIZE_ON_CPU, _SIZE_ELSEWHERE = 64, 256, 512


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a line (or JSON) for each case; returns the exit code, that of the command line."""
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        with tempfile.TemporaryDirectory() as folder:
            results = list(_measured(options, Path(folder)))
    except UserError as error:
        print(error.message, file=sys.stderr)
        return error.exit_code
    if options.json:
        about = {"torch": torch.__version__, "threads": torch.get_num_threads()}
        print(json.dumps(about | {"results": [asdict(result) for result in results]}, indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Times the engine's own training step against one forward of U-Net and text encoder without gradient, at the same "
        "batch and precision: medians, taken in turns. SD 1.5's shape has random weights; nothing is downloaded.",
    )
    parser.add_argument("--quick", action="store_true", help="batch 1 with selective recomputation only, few repeats")
    parser.add_argument("--json", action="store_true", help="JSON on standard output, words on standard error")
    parser.add_argument("--model", choices=(DEMO, SD15), help="only this one")
    parser.add_argument(
        "--repeats",
        type=counted,
        help="timed steps of each case (default: 15 for the demo, 5 for SD 1.5; more on a GPU)",
    )
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument("--threads", type=counted, help="processor threads to use (default: torch's choice)")
    return parser


def _measured(options: argparse.Namespace, folder: Path) -> Iterator[Measured]:
    out = sys.stderr if options.json else sys.stdout
    print(
        f"{'model':8}{'size':>6}{'batch':>7}{'again':>11}{'forwards a step':>17}{'steps/s':>9}{'peak MB':>9}", file=out
    )
    hosts: dict[str, Callable[[Path], Host]] = {
        DEMO: lambda path: StandaloneHost(embeddings_dir=path, device=options.device),
        SD15: lambda path: random_host(path, device=options.device),
    }
    for model in (DEMO, SD15) if options.model is None else (options.model,):
        place = folder / model
        place.mkdir()
        host = hosts[model](place)
        for case in _cases(model, options):
            found = measure(case, host, place)
            print(
                f"{found.model:8}{found.size:6}{found.batch_size:7}{found.recompute:>11}"
                f"{found.step_cost_forwards:17.2f}{found.steps_per_second:9.3f}{found.peak_memory_mb:9.0f}",
                file=out,
                flush=True,
            )
            yield found


def _cases(model: str, options: argparse.Namespace) -> Iterator[Case]:
    on_cpu = choose_device(options.device).type == "cpu"
    size = _DEMO_SIZE if model == DEMO else _SIZE_ON_CPU if on_cpu else _SIZE_ELSEWHERE
    usual = 15 if model == DEMO or not on_cpu else 5
    repeats = options.repeats or (3 if options.quick and model == SD15 else usual)
    for batch_size in (1,) if options.quick else (1, 4):
        for recompute in _QUICK if options.quick else _ALL:
            yield Case(model=model, size=size, batch_size=batch_size, recompute=recompute, repeats=repeats)
