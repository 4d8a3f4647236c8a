"""The web UI loads this: it finds out which one that is and puts the tab into it."""

import re
from pathlib import Path

from textual_inversion.core.base.errors import UserError
from textual_inversion.hosts.detect import detect
from textual_inversion.runs.registry import check_version
from textual_inversion.ui.extension import install

_PACKAGE = Path(__file__).resolve().parents[1] / "textual_inversion" / "__init__.py"

try:
    check_version(
        re.search(r'__version__ = "(.+)"', _PACKAGE.read_text(encoding="utf-8")).group(1), folder=_PACKAGE.parent
    )
    install(detect())
except UserError as error:
    print(f"Textual Inversion: {error}")
