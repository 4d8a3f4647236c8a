"""Everything a training run can be told. Names and defaults are A1111's where it has the setting."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import InputError
from ..base.file_kinds import kind_of_file
from ..base.options import build
from ..base.pasted_path import pasted_path
from .embedding import EmbeddingSettings
from .memory import MemorySettings
from .objective import ObjectiveSettings
from .optimiser import OptimiserSettings
from .pair import PairSettings
from .pictures import PictureSettings
from .prompts import PromptSettings
from .saving import SavingSettings
from .watching import WatchingSettings

_CHECKPOINTING = "checkpointing"
"""The former name of ``recompute``, when it could only be yes or no."""


# Dataclasses take the fields of the last base first: read from the end, this is the order of the form.
@dataclass(frozen=True, kw_only=True)
class TrainConfig(
    MemorySettings,
    WatchingSettings,
    SavingSettings,
    PairSettings,
    ObjectiveSettings,
    OptimiserSettings,
    PromptSettings,
    PictureSettings,
    EmbeddingSettings,
):
    """Settings of a training as a person asks for them. ``resolve()`` turns it, with the model and the pictures, into a ``RunPlan``."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TrainConfig:
        """From values by name, as forms, HTTP, the command line and run.json give them. Raises InputError naming the field."""
        logs = values.get("log_dir")
        if isinstance(logs, str) and logs.strip():
            values = {**values, "log_dir": str(pasted_path(logs))}
        return build(cls, _renamed(values))

    @classmethod
    def from_file(cls, path: Path) -> TrainConfig:
        """From a ``run.json``, or a JSON object of fields alone."""
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            kind = kind_of_file(path)
            reason = f"it is {kind}" if kind and kind != "JSON text" else str(error)
            raise InputError(f"{path} cannot be read as settings of a run: {reason}.", field="config") from error
        values = content.get("config", content) if isinstance(content, dict) else None
        if not isinstance(values, dict):
            raise InputError(f"{path} holds no settings: a JSON object was expected.", field="config")
        return cls.from_mapping(values)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values by name, fit for JSON."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }

    def replace(self, **changes: Any) -> TrainConfig:
        """A copy with other values, checked like any input."""
        return self.from_mapping({**self.to_mapping(), **changes})


def _renamed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values that bear the name of an earlier version, under the present one."""
    if not isinstance(values.get(_CHECKPOINTING), bool):
        return values
    named = {name: value for name, value in values.items() if name != _CHECKPOINTING}
    return {"recompute": "full", **named} if values[_CHECKPOINTING] else named
