"""TensorBoard curves, by choice. The package is optional and imported only when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.errors import InputError


def check_tensorboard() -> Any:
    """The module that writes logs. Raises InputError with the command where it is not installed."""
    try:
        return importlib.import_module("torch.utils.tensorboard")
    except ImportError as error:
        raise InputError(
            "TensorBoard logs need a package that is not installed here. Install it with: pip install tensorboard "
            "— or switch 'Write TensorBoard logs' off.",
            field="tensorboard",
        ) from error


class Scalars:
    """Writes named numbers by step; does nothing when switched off. What was logged after ``resumed_at`` is replaced."""

    def __init__(self, folder: Path | None, *, resumed_at: int | None = None) -> None:
        self._folder = folder
        self._writer: Any = None
        self._open(None if resumed_at is None else resumed_at + 1)

    def _open(self, purge_step: int | None) -> None:
        if self._folder is not None:
            self._writer = check_tensorboard().SummaryWriter(str(self._folder), purge_step=purge_step)

    def cut(self, step: int) -> None:
        """Have what was logged after ``step`` replaced by what follows."""
        self.close()
        self._open(step + 1)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
