"""When to stop: the rule of DVAR on the fixed-batch loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def has_settled(losses: Sequence[float], *, window: int, share: float = 0.15) -> bool:
    """True when the variance of the last ``window`` losses is below ``share`` of the variance of all of them.

    Voronov et al. 2023, "Is This Loss Informative?", section 4 (share 0.15 for textual inversion). The history must be at
    least twice the window, since with equal lengths the ratio is 1 whatever happens.
    """
    if len(losses) < 2 * window or window < 2:
        return False
    history = torch.tensor(losses, dtype=torch.float64)
    whole = float(history.var())
    return whole > 0 and float(history[-window:].var()) < share * whole
