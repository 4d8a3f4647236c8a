"""The one thing kept beyond a 'Reload UI': the run manager, with the runs that are going on.

A web UI executes extension scripts again on reload but leaves imported packages alone, so it is kept on this package.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..core.errors import UserError
from .manager import RunManager

_ATTRIBUTE = "_kept_run_manager"


def kept_manager(make: Callable[[], RunManager]) -> RunManager:
    """The manager of this process; ``make`` is called the first time only."""
    package = sys.modules[__package__.split(".")[0]]
    if not hasattr(package, _ATTRIBUTE):
        setattr(package, _ATTRIBUTE, make())
    return getattr(package, _ATTRIBUTE)


def check_version(on_disk: str) -> None:
    """Raises UserError where the files on disk are of another version than the code in memory."""
    loaded = sys.modules[__package__.split(".")[0]].__version__
    if loaded != on_disk:
        raise UserError(
            f"Version {on_disk} of the textual inversion extension is installed, but version {loaded} is still running. "
            "Restart the web UI."
        )
