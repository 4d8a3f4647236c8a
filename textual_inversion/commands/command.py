"""A command of the command line: its place in the help, its options, and its function."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from .console import Console


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command. ``run`` returns the exit code and raises ``UserError`` for what a person can mend.

    ``usage`` is what follows the command's name; ``examples`` are whole argument lists, shown at the end of its help.
    """

    name: str
    summary: str
    description: str
    usage: str
    examples: tuple[str, ...]
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Console], int]
