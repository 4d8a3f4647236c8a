"""The list of prompt templates, each marked by where it comes from."""

from __future__ import annotations

from ..core.dataset.templates import TemplateFile, list_templates, shipped_templates_dir
from ..core.model.host import Host

_OURS, _HOSTS, _YOURS = "shipped", "web UI", "yours"
_COME_WITH = frozenset(
    {"none.txt", "hypernetwork.txt", "style.txt", "style_filewords.txt", "subject.txt", "subject_filewords.txt"}
)
"""Folders that web UIs bring of their own, where people put theirs too."""


def template_choices(host: Host) -> dict[str, str]:
    """Map the entries of the list to the values of the configuration. The user's come first."""
    return {_shown(file): file.label for file in sorted(list_templates(host.template_dirs), key=_yours_first)}


def shown_template(host: Host, label: str) -> str:
    """The choice that stands for a template's label; the label itself where there is none."""
    return next((shown for shown, known in template_choices(host).items() if known == label), label)


def chosen_template(host: Host, shown: str) -> str:
    """The label for a choice; what was typed instead of chosen passes as it is."""
    return template_choices(host).get(shown, shown)


def _shown(file: TemplateFile) -> str:
    """The folder of a second file of a name is told by its mark; where that is not enough, by its label."""
    mark = _mark(file)
    return f"{file.label if mark == _YOURS else file.name} ({mark})"


def _yours_first(file: TemplateFile) -> int:
    return (_YOURS, _HOSTS, _OURS).index(_mark(file))


def _mark(file: TemplateFile) -> str:
    if file.folder.resolve() == shipped_templates_dir():
        return _OURS if file.name in _COME_WITH else _YOURS
    return _HOSTS if file.name in _COME_WITH else _YOURS
