"""Settings of the memory that the model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..base.options import option

Precision = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class MemorySettings:
    """Settings of the memory that the model takes."""

    checkpointing: bool = option(
        False, "Gradient checkpointing", group="Memory", advanced=True, help="Less memory, about a third slower."
    )
    precision: Precision = option(
        "auto",
        "Precision",
        group="Memory",
        advanced=True,
        help="Of the frozen model's arithmetic. auto: half precision on a GPU, full on a CPU. The vectors are always float32.",
    )
