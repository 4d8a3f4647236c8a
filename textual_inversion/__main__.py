"""`python -m textual_inversion`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
