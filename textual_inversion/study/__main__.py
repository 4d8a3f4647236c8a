"""`python -m textual_inversion.study`: computes what is missing of the study, for hours, and goes on when run again."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arms import ARMS, find_arm
from .results import SHIPPED, Results
from .runner import run_study


def main(arguments: list[str] | None = None) -> int:
    """Runs the arms asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    arms = [find_arm(name) for name in options.only] if options.only else ARMS
    run_study(arms, Results(options.results), work=options.work, hours=options.hours, precision=options.precision)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m textual_inversion.study", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=[arm.name for arm in ARMS], metavar="ARM", help="these arms only")
    parser.add_argument("--hours", type=float, default=float("inf"), help="begin nothing new after this time")
    parser.add_argument("--results", type=Path, default=SHIPPED, help="folder of the JSON files")
    parser.add_argument("--work", type=Path, default=Path("outputs/study"), help="folder for pictures and runs")
    parser.add_argument("--precision", default="bfloat16", choices=["bfloat16", "float32"], help="of the U-Net")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
