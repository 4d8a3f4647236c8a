"""Recognise the web UI. Answers with its adapter, or with a sentence that says why there is none."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from ..core.base.errors import LeaseError
from .webui import WebUI

Family = Literal["AUTOMATIC1111", "Forge", "Forge Neo", "reForge", "Forge Classic", "SD.Next"]

Present = Callable[[str], bool]
"""Tells whether a module could be imported; imports nothing."""


def family(present: Present, *, neo: Callable[[], bool]) -> Family | None:
    """Tell the web UI by what it is made of, as forks change their names; None where this process is none.

    ``neo`` tells Forge Neo from Forge, and is asked only where it is one of them. Of the two with ``ldm_patched``
    only reForge can load text encoders apart from their checkpoint.
    """
    if present("modules.prompt_parser_diffusers"):
        return "SD.Next"
    if present("backend.diffusion_engine"):
        return "Forge Neo" if neo() else "Forge"
    if present("ldm_patched"):
        return "reForge" if present("modules.sd_text_encoder") else "Forge Classic"
    return "AUTOMATIC1111" if present("modules.sd_hijack_clip") else None


def detect(present: Present | None = None, *, neo: Callable[[], bool] | None = None) -> WebUI:
    """Make the adapter of the web UI that this process is. Raises LeaseError where no adapter fits."""
    found = family(present or _importable, neo=neo or _is_neo)
    if found is None:
        raise LeaseError("No web UI was found in this process. To use the program without one: python run.py")
    if found == "AUTOMATIC1111":
        from .a1111.webui import A1111

        return A1111()
    if found in ("Forge", "Forge Neo"):
        from .forge.webui import Forge

        return Forge(found)
    if found in ("reForge", "Forge Classic"):
        from .reforge.webui import Reforge

        return Reforge(found)
    from .sdnext.webui import SDNext

    return SDNext()


def _is_neo() -> bool:
    """Forge says only a number, Neo its name as well."""
    version = import_module("modules_forge.forge_version").version
    return str(version).lower() == "neo"


def _importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the package above it is not there
        return False
