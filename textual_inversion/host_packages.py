"""Packages that a web UI must bring for this extension, and those that it lacks. Standard library only."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import metadata

OLDEST_PYTHON = (3, 10)
OLDEST = {"torch": "2.1", "safetensors": "0.4", "Pillow": "9.5", "numpy": "1.26", "filelock": "3.12"}
"""Least versions that AUTOMATIC1111 1.10.1, Forge and reForge bring."""


def complaints(
    version_of: Callable[[str], str] = metadata.version, python: tuple[int, ...] = sys.version_info
) -> list[str]:
    """A sentence for each thing that is missing or too old; empty where all is well."""
    found: list[str] = []
    if tuple(python[:2]) < OLDEST_PYTHON:
        found.append(
            f"Python {python[0]}.{python[1]} is too old: 3.10 or newer is needed. Install it and let the web UI make its "
            "folder 'venv' anew."
        )
    for package, oldest in OLDEST.items():
        try:
            version = version_of(package)
        except metadata.PackageNotFoundError:
            found.append(f"{package} is missing: {oldest} or newer is needed. {_ADVICE}")
            continue
        if numbers(version) < numbers(oldest):
            found.append(f"{package} {version} is too old: {oldest} or newer is needed. {_ADVICE}")
    return found


_ADVICE = "A current version of the web UI brings it; update the web UI rather than this one package."


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version (``2.1.2+cu121`` -> 2, 1, 2)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def report() -> None:
    """Print what is wrong, if anything. Installs nothing, and raises nothing that could stop the web UI."""
    try:
        for sentence in complaints():
            print(f"Textual Inversion: {sentence}")
    except Exception as error:  # whatever is wrong with the packages, the web UI must start
        print(f"Textual Inversion: the installed packages could not be checked ({error}).")
