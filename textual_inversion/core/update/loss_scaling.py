"""Loss scaling for float16: small gradients would vanish on the way back, so the loss is made larger and they are made smaller again."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class LossScaler:
    """Dynamic loss scaling (Micikevicius et al. 2018, section 3.2), deterministic and free of any device.

    After ``backward`` of ``loss * scale``, ``unscale`` divides the gradients and tells whether they are usable; an overflow
    halves the scale and the same step is tried again, so no step is lost or counted twice (A1111 counts skipped ones).
    """

    def __init__(self, *, enabled: bool, scale: float = 2.0**16, growth_interval: int = 2000) -> None:
        self.enabled = enabled
        self.scale = scale if enabled else 1.0
        self.good_steps = 0
        self._growth_interval = growth_interval

    def unscale(self, parameters: Sequence[torch.nn.Parameter]) -> bool:
        """Divide the gradients, [vectors, width] each, by the scale in place. False after an overflow: try the step
        again."""
        if not self.enabled:
            return True
        finite = all(bool(p.grad.isfinite().all()) for p in parameters if p.grad is not None)
        if not finite:
            self.scale /= 2
            self.good_steps = 0
            return False
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.div_(self.scale)
        self.good_steps += 1
        if self.good_steps >= self._growth_interval:
            self.scale *= 2
            self.good_steps = 0
        return True

    @property
    def exhausted(self) -> bool:
        """True when no scale is left to try: the gradients are not finite for another reason."""
        return self.scale < 1.0
