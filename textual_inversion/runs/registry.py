"""Objects kept beyond a 'Reload UI': the run manager with the runs that are going on, and the jobs of the Prepare tab.

A web UI executes extension scripts again on reload but leaves imported packages alone, so it is kept on this package.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..core.base.errors import UserError
from .manager import RunManager
from .preparing import Preparations

_ATTRIBUTE = "_kept_run_manager"
T = TypeVar("T")


def kept_manager(make: Callable[[], RunManager]) -> RunManager:
    """The manager of this process; ``make`` is called the first time only."""
    return _kept(_ATTRIBUTE, make)


def kept_preparations(make: Callable[[], Preparations]) -> Preparations:
    """The jobs of the Prepare tab, likewise."""
    return _kept("_kept_preparations", make)


def _kept(attribute: str, make: Callable[[], T]) -> T:
    package = sys.modules[__name__.split(".")[0]]
    if not hasattr(package, attribute):
        setattr(package, attribute, make())
    return getattr(package, attribute)


def check_version(on_disk: str, *, folder: Path | None = None) -> None:
    """Raises UserError where the files on disk are of another version than the code in memory, or where that is of another
    ``folder``: the extension is installed twice then, and one of them would have two tabs."""
    package = sys.modules[__name__.split(".")[0]]
    loaded, source = package.__version__, Path(package.__path__[0]).resolve()
    if folder is not None and source != folder.resolve():
        raise UserError(
            f"The textual inversion extension is installed twice, in {source.parent} and in {folder.resolve().parent}. Only the "
            "first is used. Remove one of them and restart the web UI."
        )
    if loaded != on_disk:
        raise UserError(
            f"Version {on_disk} of the textual inversion extension is installed, but version {loaded} is still running. "
            "Restart the web UI."
        )
