"""Start inside a web UI. Whatever goes wrong is one sentence on the console, and the web UI goes on without the tab.

Standard library only, until the parts are imported one by one inside ``start``: a package that is missing is told too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from .host_packages import complaints

P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger("textual_inversion")
_VERSION = re.compile(r'^__version__ = "(.+)"', re.MULTILINE)


def start(package: Path) -> None:
    """Find out which web UI this is and put the tab into it. ``package`` is the folder of the files that were loaded."""
    told(_install)(package)


def _install(package: Path) -> None:
    from .hosts.detect import detect
    from .runs.registry import check_version
    from .ui.extension import install

    found = _VERSION.search((package / "__init__.py").read_text(encoding="utf-8"))
    check_version(found.group(1) if found else "unknown", folder=package)
    install(detect())


def told(function: Callable[P, T]) -> Callable[P, T | None]:
    """Make a function that prints a sentence and returns None where ``function`` raises."""

    @wraps(function)
    def guarded(*arguments: P.args, **named: P.kwargs) -> T | None:
        try:
            return function(*arguments, **named)
        except Exception as error:
            print(f"Textual Inversion: {sentence(error)}")
            _log.debug("The extension could not start", exc_info=True)
            return None

    return guarded


def sentence(error: Exception, *, wrong_packages: Callable[[], list[str]] = complaints) -> str:
    """Say what went wrong and what to do: the message of an error made for people, else what is wrong with the packages, else
    the error by its name."""
    if hasattr(error, "message") and hasattr(
        error, "field"
    ):  # a UserError, whose module may be what cannot be imported
        return str(error)
    wrong = wrong_packages()
    if wrong:
        return " ".join(["The tab is not there.", *wrong])
    told_as = " ".join(f"{type(error).__name__}: {error}".split())
    return (
        f"The tab is not there, and the web UI goes on without it: this version of the extension does not fit here ({told_as}). "
        "Update the extension and the web UI; if it stays, report this line."
    )
