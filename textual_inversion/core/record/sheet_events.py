"""Events of the making of a comparison sheet, for those who watch it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .events import Event


@dataclass(frozen=True, kw_only=True)
class SheetAdvanced(Event):
    """``done`` of ``total`` pictures are made, and the next one is begun."""

    kind: ClassVar[str] = "sheet"
    name: str
    done: int
    total: int
