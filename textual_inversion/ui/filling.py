"""Filling the form: from a preset, or with the settings of an earlier run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.base.options import options_of
from ..core.settings.train_config import TrainConfig
from ..runs.manager import RunManager

_LISTED = 100
"""Runs in the list; older ones can be used from the command line with ``--config``."""


def run_choices(manager: RunManager) -> list[str]:
    """Runs of this process and on disk, newest first, each with its id at the end."""
    return [_choice(run) for run in manager.runs()[:_LISTED]]


def run_settings(manager: RunManager, choice: str) -> tuple[str, dict[str, Any]]:
    """The name and the settings of the run that a choice stands for. Raises UnknownRunError."""
    described = manager.describe(choice.rpartition("[")[2].rstrip("]"))
    return described["name"], described["config"]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """List what is other in ``after`` than in ``before``; values as configurations hold them."""
    return {name: value for name, value in after.items() if name not in before or _plain(before[name]) != _plain(value)}


def told_changes(
    before: Mapping[str, Any], changed: Mapping[str, Any], config_class: type = TrainConfig
) -> tuple[str, ...]:
    """``Max steps: 100000 → 3000``, a line for each."""
    labels = {name: option.label.rstrip(".") for name, option in options_of(config_class).items()}
    return tuple(
        f"{labels.get(name, name)}: {spoken_value(before.get(name))} \u2192 {spoken_value(value)}"
        for name, value in changed.items()
    )


def _choice(run: Mapping[str, Any]) -> str:
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["created"]))
    return f"{run['name']}, {day}, step {run['step']} of {run['total_steps']} [{run['id']}]"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value


def spoken_value(value: Any) -> str:
    """A setting's value as a person would say it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value in (None, "", (), []):
        return "none"
    text = ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
