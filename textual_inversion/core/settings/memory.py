"""Settings of the memory that the model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..base.options import option

Precision = Literal["auto", "float32", "float16", "bfloat16"]
Recompute = Literal["none", "selective", "full"]


@dataclass(frozen=True, kw_only=True)
class MemorySettings:
    """Settings of the memory that the model takes."""

    recompute: Recompute = option(
        "selective",
        "Compute again",
        group="Memory",
        advanced=True,
        shown={"none": "nothing", "selective": "what is cheap", "full": "all (gradient checkpointing)"},
        help="What of the U-Net is made a second time for the gradient, in place of being kept. selective: less than half the memory "
        "of none, hardly slower. full: least memory, about a third slower. The vectors become the same.",
    )
    precision: Precision = option(
        "auto",
        "Precision",
        group="Memory",
        advanced=True,
        help="Of the frozen model's arithmetic. auto: half precision on a GPU, full on a CPU. The vectors are always float32.",
    )
