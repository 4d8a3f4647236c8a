"""`python -m textual_inversion`."""

import sys

from .environment import run_module


def _main() -> int:
    from .cli import main

    return main()


if __name__ == "__main__":
    sys.exit(run_module("textual_inversion", _main))
