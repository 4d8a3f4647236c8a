"""`python -m benchmarks [--quick] [--json]`."""

import sys

from textual_inversion.environment import run_module


def _main() -> int:
    from .report import main

    return main()


if __name__ == "__main__":
    sys.exit(run_module("benchmarks", _main))
