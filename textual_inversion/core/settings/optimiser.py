"""Settings of the optimiser: how the vectors move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..base.options import option

BUILT_IN_OPTIMIZERS = ("adamw", "prodigy", "direction")
ClipMode = Literal["disabled", "value", "norm"]
NormRule = Literal["none", "clamp", "fixed"]


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """Settings of the optimiser: how the vectors move."""

    batch_size: int = option(
        1,
        "Batch size",
        group="Optimiser",
        low=1,
        high=256,
        step=1,
        help="Pictures in one pass: as many as fit into memory.",
    )
    gradient_accumulation: int = option(
        1,
        "Gradient accumulation steps",
        group="Optimiser",
        low=1,
        high=1024,
        step=1,
        help="Passes in one step: batch size 2 with 10 of them is like 20 without the memory, and takes as long.",
    )
    optimizer: str = option(
        "adamw",
        "Optimiser",
        group="Optimiser",
        advanced=True,
        suggested=(*BUILT_IN_OPTIMIZERS, "torch.optim.RAdam", "schedulefree.AdamWScheduleFree", "prodigyopt.Prodigy"),
        help="adamw is A1111's. prodigy finds the learning rate by itself: set the rate to 1. "
        "direction only turns the vectors and never lengthens them; its rate is an angle in radians, 0.02 is usual. "
        "Any other by module and class, where its package is installed: torch.optim.RAdam, schedulefree.AdamWScheduleFree.",
    )
    optimizer_args: str = option(
        "",
        "Optimiser arguments",
        group="Optimiser",
        advanced=True,
        help="For an optimiser named by module and class, as in a call: betas=(0.9, 0.95), weight_decay=0.01.",
    )
    beta1: float = option(
        0.9, "Beta 1", group="Optimiser", low=0, high=0.9999, advanced=True, help="Memory of the gradient's mean."
    )
    beta2: float = option(
        0.999, "Beta 2", group="Optimiser", low=0, high=0.99999, advanced=True, help="Memory of the gradient's square."
    )
    direction_prior: float = option(
        0.0,
        "Pull to the first direction",
        group="Optimiser",
        low=0,
        high=1,
        advanced=True,
        help="For the optimiser direction: how strongly each vector is drawn back to where it began, as a share of a step. "
        "More obeys prompts better and is less like the pictures.",
    )
    weight_decay: float = option(
        0.0,
        "Weight decay",
        group="Optimiser",
        low=0,
        high=1,
        advanced=True,
        help="Pulls the vectors to zero. Leave 0 when a norm rule is on.",
    )
    clip_gradient: ClipMode = option(
        "disabled",
        "Gradient Clipping",
        group="Optimiser",
        help="Limits the gradient by value or by norm. For embeddings disabled is usual.",
    )
    clip_value: str = option(
        "0.1",
        "Gradient clip value",
        group="Optimiser",
        help="The limit; may change with the step like the learning rate.",
    )
    ema: float = option(
        0.0,
        "EMA of the vectors",
        group="Optimiser",
        low=0,
        high=0.9999,
        advanced=True,
        help="Saves a running average of the vectors; 0.97 averages about 30 steps, 0 is off.",
    )
    norm_rule: NormRule = option(
        "none",
        "Norm rule",
        group="Optimiser",
        advanced=True,
        help="Long vectors drown the rest of the prompt. clamp limits their length, fixed keeps it, both in units of the model's own words.",
    )
    norm_limit: float = option(
        1.5,
        "Norm limit",
        group="Optimiser",
        low=0.1,
        high=1000,
        advanced=True,
        help="Length for the norm rule, as a multiple of the mean length of the model's own token vectors.",
    )
