"""`python -m textual_inversion`."""

import os
import sys

from .environment import run_module


def _main() -> int:
    # Read once, when torch's OpenMP is loaded. By default its threads spin for one another, and on a processor that others
    # use too they spin their turns away. A web UI's process is not ours to decide about.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from .cli import main

    return main()


if __name__ == "__main__":
    sys.exit(run_module("textual_inversion", _main))
