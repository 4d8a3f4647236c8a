"""Decide when to stop: the rule of DVAR on the fixed-batch loss, and that it no longer falls."""

from __future__ import annotations

from collections.abc import Sequence

import torch

_DVAR_STEPS = 310
_SHARE_OF_RUN = 0.25
_FEWEST = 4
_STILL_FALLING = 0.06
"""In the study (docs/study.md) DVAR's rule alone stopped at losses 6 % above the best. With this it is 1 % for the settings of the
presets, and a third of the steps is saved; with 0.035 it was half a percent, and a fifth was saved."""


def settling_window(*, steps: int, every: int) -> int:
    """Count the measurements that must agree, in a run of ``steps`` that measures at every ``every``-th.

    DVAR's 310 steps, its figure for textual inversion; of a short run a quarter, as the rule could never hold there before the
    run's end; never fewer than 4.
    """
    return max(_FEWEST, round(min(_DVAR_STEPS, _SHARE_OF_RUN * steps) / every))


def has_settled(losses: Sequence[float], *, window: int, share: float = 0.15) -> bool:
    """True when the variance of the last ``window`` losses is below ``share`` of the variance of all of them, and their mean
    is not 6 % below the mean of the ``window`` before.

    The first is the rule of Voronov et al. 2023, "Is This Loss Informative?", section 4 (share 0.15 for textual inversion).
    The history must be at least twice the window, since with equal lengths the ratio is 1 whatever happens. Where the loss
    fell far at once, that rule calls a slow, steady fall settled; hence the second.
    """
    if len(losses) < 2 * window or window < 2:
        return False
    history = torch.tensor(losses, dtype=torch.float64)
    whole = float(history.var())
    flat = whole > 0 and float(history[-window:].var()) < share * whole
    newest, before = history[-window:].mean(), history[-2 * window : -window].mean()
    return flat and float(newest) > (1 - _STILL_FALLING) * float(before)


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
