"""The noise that a step adds to its latents, and the noising itself."""

from __future__ import annotations

from typing import Literal

import torch

from ..base.randomness import generator


def draw_noise(
    shape: tuple[int, ...], *, seed: int, purpose: str, indices: tuple[int, ...], offset: float = 0.0
) -> torch.Tensor:
    """Standard normal noise [B, C, h, w], float32 on the CPU, the same on every machine for the same arguments.

    ``offset`` adds one more normal value per picture and channel (noise offset, N. Guttenberg, 2023).
    """
    source = generator(seed, purpose, *indices)
    noise = torch.randn(shape, generator=source)
    if offset > 0:
        noise = noise + offset * torch.randn((*shape[:2], 1, 1), generator=source)
    return noise


def add_noise(latents: torch.Tensor, noise: torch.Tensor, alpha_bar: torch.Tensor) -> torch.Tensor:
    """z_t = sqrt(a) z_0 + sqrt(1 - a) e (Ho et al. 2020, equation 4). ``alpha_bar`` is [B], the rest [B, C, h, w]."""
    signal, rest = _roots(alpha_bar, latents)
    return signal * latents + rest * noise


def velocity(latents: torch.Tensor, noise: torch.Tensor, alpha_bar: torch.Tensor) -> torch.Tensor:
    """v = sqrt(a) e - sqrt(1 - a) z_0 (Salimans and Ho 2022, appendix D): [B, C, h, w], the target of v-prediction
    models."""
    signal, rest = _roots(alpha_bar, latents)
    return signal * noise - rest * latents


def clean_latents(
    noisy: torch.Tensor,
    prediction: torch.Tensor,
    alpha_bar: torch.Tensor,
    *,
    prediction_type: Literal["epsilon", "v_prediction"],
) -> torch.Tensor:
    """Compute the clean latents [B, C, h, w] that a prediction stands for: (z_t - sqrt(1 - a) e) / sqrt(a), or
    sqrt(a) z_t - sqrt(1 - a) v."""
    signal, rest = _roots(alpha_bar, noisy)
    if prediction_type == "epsilon":
        return (noisy - rest * prediction) / signal
    return signal * noisy - rest * prediction


def _roots(alpha_bar: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """sqrt(a) and sqrt(1 - a) of ``alpha_bar`` [B], shaped [B, 1, 1, 1], taken before rounding to float32, as LDM
    does: near a = 1 it matters."""
    shaped = alpha_bar.reshape(-1, *(1 for _ in like.shape[1:]))
    return shaped.sqrt().to(like), (1 - shaped).sqrt().to(like)
