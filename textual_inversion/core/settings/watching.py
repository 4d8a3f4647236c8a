"""Settings of what is measured while training goes on."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.options import option


@dataclass(frozen=True, kw_only=True)
class WatchingSettings:
    """Settings of what is measured while training goes on."""

    csv_every: int = option(
        500,
        "Loss table every N steps, 0 to disable",
        group="Watching",
        low=0,
        high=10_000_000,
        step=1,
        advanced=True,
        help="Rows of textual_inversion_loss.csv; one is always written at an evaluation and at the end.",
    )
    tensorboard: bool = option(
        False, "Write TensorBoard logs", group="Watching", advanced=True, help="Needs the tensorboard package."
    )
    evaluate_every: int = option(
        50,
        "Measure the fixed-batch loss every N steps, 0 to disable",
        group="Watching",
        low=0,
        high=10_000_000,
        step=1,
        advanced=True,
        help="The training loss is mostly noise. This one uses the same pictures, noise and timesteps each time: when it stops falling, learning has stopped.",
    )
    evaluate_samples: int = option(
        8,
        "Samples in the fixed batch",
        group="Watching",
        low=1,
        high=1024,
        step=1,
        advanced=True,
        help="More are steadier; each costs one pass without gradient.",
    )
    hold_out: int = option(
        0,
        "Pictures kept for measuring",
        group="Watching",
        low=0,
        high=1024,
        step=1,
        advanced=True,
        help="So many pictures are not trained on but make the fixed batch: its loss then shows overtraining. 0 measures on "
        "the training pictures with other noise.",
    )
    auto_stop: bool = option(
        False,
        "Stop by itself",
        group="Watching",
        advanced=True,
        help="Ends the run when the fixed-batch loss no longer changes: over the last 310 steps, or a quarter of a shorter run. "
        "Measure often enough for that, at least 25 times in a run.",
    )
    keep_best: bool = option(
        False,
        "Use the best step",
        group="Watching",
        advanced=True,
        help="The finished embedding is the step with the lowest fixed-batch loss, not the last one.",
    )
