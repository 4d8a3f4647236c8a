"""When to stop: the rule of DVAR on the fixed-batch loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch

_DVAR_STEPS = 310
_SHARE_OF_RUN = 0.2
_FEWEST = 4


def settling_window(*, steps: int, every: int) -> int:
    """How many measurements must agree, in a run of ``steps`` that measures at every ``every``-th.

    DVAR's 310 steps, its figure for textual inversion; of a short run a fifth, as the rule could never hold there before the
    run's end; never fewer than 4.
    """
    return max(_FEWEST, round(min(_DVAR_STEPS, _SHARE_OF_RUN * steps) / every))


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


def never_settles(*, steps: int, every: int) -> str | None:
    """The sentence for a run too short to stop by itself, else None."""
    needed = 2 * settling_window(steps=steps, every=every) - 1  # beside the measurement before the first step
    if steps // every > needed:
        return None
    better = max(1, steps // 25)
    return (
        f"This run cannot stop by itself: it measures the fixed-batch loss {steps // every} times in {steps} steps, and "
        f"{needed} are needed to tell that it has settled. Measure every {better} steps, or train longer."
    )
