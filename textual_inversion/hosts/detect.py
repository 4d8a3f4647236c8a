"""Recognise the web UI. Answers with its adapter, or with a sentence that says why there is none."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from ..core.base.errors import LeaseError
from .webui import WebUI


def detect(present: Callable[[str], bool] | None = None) -> WebUI:
    """The adapter of the web UI that this process is. ``present`` tells whether a module could be imported.

    Forge and reForge have ``modules_forge``; of the two only Forge has a ``backend``. Raises LeaseError where no adapter fits.
    """
    present = present or _importable
    if present("modules_forge"):
        name = "Forge" if present("backend.diffusion_engine") else "reForge"
        raise LeaseError(
            f"This version of the textual inversion extension does not run in {name} yet, only in AUTOMATIC1111."
        )
    if not present("modules.sd_hijack"):
        raise LeaseError("No web UI was found in this process. To use the program without one: python run.py")
    from .a1111.webui import A1111

    return A1111()


def _importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the package above it is not there
        return False
