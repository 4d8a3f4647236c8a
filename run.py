"""Start here.

    python run.py               install what is needed into .venv, then open the app in the browser
    python run.py --demo        the same, then train a first embedding in this terminal
    python run.py --test        the same with what the tests need, then run all of them

The first start downloads several gigabytes (PyTorch); later ones begin at once. What follows is passed on: --port and
--no-browser to the app, --steps and others to the demo (`python run.py --demo --help`), anything else of pytest to the tests.
"""

# ruff: noqa: UP031, UP036 -- an older Python must be able to read this far, to be told so.
import sys

if sys.version_info < (3, 10):
    sys.exit(
        "This needs Python 3.10 or newer, and this is Python %d.%d. Install a newer one and start again with it."
        % sys.version_info[:2]
    )

from textual_inversion.environment import start

if __name__ == "__main__":
    sys.exit(start(sys.argv[1:], usage=__doc__))
