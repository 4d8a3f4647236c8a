"""Settings of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..base.options import option

LossKind = Literal["mse", "huber", "mae", "log-cosh"]
TimestepSampling = Literal["uniform", "stratified"]
TimestepBias = Literal["none", "noisy"]
LossWeighting = Literal["none", "velocity", "p2", "debiased"]


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings:
    """Settings of the loss."""

    loss: LossKind = option(
        "mse",
        "Loss",
        group="Objective",
        advanced=True,
        help="mse is the usual one; huber takes outliers less seriously, mae (the mean of absolute errors) still less; log-cosh lies between.",
    )
    huber_delta: float = option(
        0.1,
        "Huber delta",
        group="Objective",
        low=0.0001,
        high=10,
        advanced=True,
        help="Errors above this count linearly.",
    )
    timesteps: TimestepSampling = option(
        "uniform",
        "Timesteps",
        group="Objective",
        advanced=True,
        help="stratified spreads the noise levels evenly over the batch and over successive steps: a steadier gradient at no cost.",
    )
    timestep_bias: TimestepBias = option(
        "none",
        "Prefer timesteps",
        group="Objective",
        advanced=True,
        help="noisy trains more often on noisy pictures, where shape and place are decided.",
    )
    min_timestep: int = option(
        0,
        "Lowest timestep",
        group="Objective",
        low=0,
        high=999,
        step=1,
        advanced=True,
        help="Nearly clean pictures carry texture; raise it to learn layout only.",
    )
    max_timestep: int = option(
        999,
        "Highest timestep",
        group="Objective",
        low=0,
        high=999,
        step=1,
        advanced=True,
        help="Nearly pure noise carries layout; lower it to learn texture only.",
    )
    min_snr_gamma: float = option(
        0.0,
        "Min-SNR gamma",
        group="Objective",
        low=0,
        high=100,
        advanced=True,
        help="Weighs nearly clean steps less; 5 is usual, 0 is off. For subjects rather than styles.",
    )
    loss_weighting: LossWeighting = option(
        "none",
        "Loss weights",
        group="Objective",
        advanced=True,
        help="velocity counts noisy pictures more, as models that predict v are trained: shape and place rather than texture. "
        "p2 and debiased are the peers' weights of these names: noisy pictures count more, less steeply.",
    )
    context_weight: float = option(
        0.0,
        "Weight of the context term",
        group="Objective",
        low=0,
        high=100,
        advanced=True,
        help="Keeps the words around the embedding to their meaning, so that prompts are obeyed. Costs a pass of the text "
        "encoder a step; 0 is off.",
    )
    noise_offset: float = option(
        0.0,
        "Noise offset",
        group="Objective",
        low=0,
        high=1,
        advanced=True,
        help="Adds brightness to the noise. Off unless the model was trained with it.",
    )
