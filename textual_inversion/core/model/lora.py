"""A LoRA that is active while a run trains and draws, as a person names it: ``FILE`` or ``FILE:WEIGHT``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..base.errors import InputError


@dataclass(frozen=True, kw_only=True)
class LoraUse:
    """``file`` is a path, or a name that the host knows; ``weight`` multiplies it, 1 as it was trained."""

    file: str
    weight: float = 1.0

    @property
    def shown(self) -> str:
        """The file's own name and the weight, without folders: ``style.safetensors at 0.8``."""
        return f"{self.file.replace(chr(92), '/').rpartition('/')[2]} at {self.weight:g}"


def parse_loras(texts: Sequence[str]) -> tuple[LoraUse, ...]:
    """Read the entries of the setting. A colon without a number after it belongs to the path (``C:\\style.safetensors``).

    Raises InputError for an empty path, a weight that is no number, and a file named twice.
    """
    uses = tuple(_parsed(text) for text in texts if text.strip())
    for use in uses:
        if sum(other.file == use.file for other in uses) > 1:
            raise InputError(
                f"The LoRA {use.file} is named twice. Name it once, with the weight that is meant.", field="lora"
            )
    return uses


def _parsed(text: str) -> LoraUse:
    file, colon, weight = text.strip().rpartition(":")
    value = _number(weight) if colon else None
    if value is None:
        file, value = text.strip(), 1.0
    file = file.strip().strip("\"'")
    if not file:
        raise InputError(f"{text!r} names no LoRA file. Write FILE or FILE:WEIGHT.", field="lora")
    if not math.isfinite(value) or abs(value) > 10:
        raise InputError(
            f"The weight of the LoRA {file} is {value:g}; between -10 and 10 makes sense, 1 is usual.", field="lora"
        )
    return LoraUse(file=file, weight=value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
