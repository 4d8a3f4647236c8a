"""The list of prompt templates, each marked by where it comes from."""

from __future__ import annotations

from pathlib import Path

from ..core.host import Host
from ..core.templates import TemplateFile, list_templates, shipped_templates_dir

_MARKS = {True: "shipped", False: "yours"}


def template_choices(host: Host) -> dict[str, str]:
    """What the list shows -> what the configuration holds. The user's come first."""
    files = list_templates(host.template_dirs)
    return {_shown(file): file.label for file in files}


def shown_template(host: Host, label: str) -> str:
    """The choice that stands for a template's label; the label itself where there is none."""
    return next((shown for shown, known in template_choices(host).items() if known == label), label)


def chosen_template(host: Host, shown: str) -> str:
    """The label for a choice; what was typed instead of chosen passes as it is."""
    return template_choices(host).get(shown, shown)


def _shown(file: TemplateFile) -> str:
    return f"{file.label} ({_MARKS[_is_shipped(file.folder)]})"


def _is_shipped(folder: Path) -> bool:
    return folder.resolve() == shipped_templates_dir()
