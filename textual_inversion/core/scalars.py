"""TensorBoard curves, by choice. The package is optional and imported only when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import InputError


class Scalars:
    """Writes named numbers by step; does nothing when switched off."""

    def __init__(self, folder: Path | None) -> None:
        self._writer: Any = None
        if folder is None:
            return
        try:
            module = importlib.import_module("torch.utils.tensorboard")
        except ImportError as error:
            raise InputError(
                "TensorBoard logs need a package that is not installed here. Install it with: pip install tensorboard "
                "— or switch 'Write TensorBoard logs' off.",
                field="tensorboard",
            ) from error
        self._writer = module.SummaryWriter(str(folder))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
