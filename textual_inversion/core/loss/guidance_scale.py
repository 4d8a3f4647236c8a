"""The guidance scale that a pair is trained with: one number, or a range that follows the noise level.

As DreamArtist's: ``3.0``; ``1.5-3.0`` or ``1.5-3.0:cos``, where the second number holds at pure noise and the first at the
clean picture. (Its field asked for a comma, which its parser did not know; both are understood here.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from ..base.errors import InputError
from .scale_curve import Curve, parse_curve

MAX_SCALE = 100.0
FIELD = "guidance"
_USUAL_TIMESTEPS = 1000
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*(?:[-,]\s*({_NUMBER})\s*(?::(.*))?)?", re.DOTALL)
_HELP = "Write one number, such as 3, or a range, such as 1.5-3.0 or 1.5-3.0:cos."


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """A guidance text that was read: the scale runs from ``low`` at the clean picture along ``curve`` to ``high`` at pure noise."""

    text: str
    low: float
    high: float
    curve: Curve

    def scales(self, timesteps: int = _USUAL_TIMESTEPS) -> torch.Tensor:
        """The guidance scale of each of a model's timesteps, float32 [T] on the CPU."""
        return self._exact(timesteps).to(torch.float32)

    def _exact(self, timesteps: int) -> torch.Tensor:
        """float64 [timesteps]."""
        rate = torch.arange(timesteps, dtype=torch.float64) / max(timesteps - 1, 1)
        return self.low + (self.high - self.low) * self.curve(rate)

    @property
    def typical(self) -> float:
        """The mean over all noise levels: what pictures of the pair are made with, since samplers know one scale."""
        return round(float(self.scales().mean()), 2)

    def check(self) -> None:
        """Raises InputError where a scale is out of range, or one half would have no part in the prediction."""
        scales = self._exact(_USUAL_TIMESTEPS)
        if not bool(scales.isfinite().all()) or float(scales.min()) < 0 or float(scales.max()) > MAX_SCALE:
            raise InputError(
                f"The guidance scale {self.text!r} runs from {float(scales.min()):g} to {float(scales.max()):g}; it must stay "
                f"between 0 and {MAX_SCALE:g}.",
                field=FIELD,
            )
        if bool((scales == 1).all()) or bool((scales == 0).all()):
            half = "negative" if float(scales[0]) else "positive"
            raise InputError(
                f"With a guidance scale of {self.text.strip()} the {half} embedding has no part in the prediction and would learn "
                "nothing. 3 is usual.",
                field=FIELD,
            )


def scales_at(scales: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """The scales [T] of integer timesteps [B], shaped [B, 1, 1, 1], on their device."""
    return scales.to(timesteps.device)[timesteps].reshape(-1, 1, 1, 1)


def parse_guidance(text: str) -> Guidance:
    """Raises InputError, field ``guidance``, for what is no scale, no range, or leaves one half untrained."""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise InputError(f"The guidance scale {text!r} is not understood. {_HELP}", field=FIELD)
    low = float(match[1])
    high = low if match[2] is None else float(match[2])
    curve = parse_curve("ln" if match[3] is None else match[3], field=FIELD)
    guidance = Guidance(text=text, low=low, high=high, curve=curve)
    guidance.check()
    return guidance
