"""Samplers under A1111's names, in k-diffusion's form: plain functions of latents, noise levels and a denoiser.

Randomness comes from ``noise()`` only, which gives the next standard normal tensor of this picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ....core.base.errors import InputError
from ....core.model.host import NoiseSchedule
from .sigmas import LEAST_ALPHA, SCHEDULES, Denoiser, Predict

Noise = Callable[[], Tensor]
Method = Callable[[Tensor, Tensor, Denoiser, Noise], Tensor]


def euler(x: Tensor, sigmas: Tensor, denoise: Denoiser, _noise: Noise) -> Tensor:
    """Implements Algorithm 2 (Euler steps) from Karras et al. (2022), without churn."""
    for sigma, following in pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma.item()
        x = x + slope * (following - sigma).item()
    return x


def euler_ancestral(x: Tensor, sigmas: Tensor, denoise: Denoiser, noise: Noise) -> Tensor:
    """Ancestral sampling with Euler steps (k-diffusion ``sample_euler_ancestral``, eta 1)."""
    for sigma, following in pairwise(sigmas):
        up = torch.minimum(following, (following**2 * (sigma**2 - following**2) / sigma**2).sqrt())
        down = (following**2 - up**2).sqrt()
        slope = (x - denoise(x, sigma)) / sigma.item()
        x = x + slope * (down - sigma).item()
        if following > 0:
            x = x + noise() * up.item()
    return x


def heun(x: Tensor, sigmas: Tensor, denoise: Denoiser, _noise: Noise) -> Tensor:
    """Implements Algorithm 2 (Heun steps) from Karras et al. (2022), without churn."""
    for sigma, following in pairwise(sigmas):
        step = (following - sigma).item()
        slope = (x - denoise(x, sigma)) / sigma.item()
        ahead = x + slope * step
        if following > 0:
            slope = (slope + (ahead - denoise(ahead, following)) / following.item()) / 2
        x = x + slope * step
    return x


def dpmpp_2m(x: Tensor, sigmas: Tensor, denoise: Denoiser, _noise: Noise) -> Tensor:
    """DPM-Solver++(2M), Lu et al. (2022), in k-diffusion's form."""
    times = -sigmas.log()
    previous: Tensor | None = None
    for i, (sigma, following) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        step = times[i + 1] - times[i]
        target = denoised
        if previous is not None and following > 0:
            ratio = ((times[i] - times[i - 1]) / step).item()
            target = (1 + 1 / (2 * ratio)) * denoised - 1 / (2 * ratio) * previous
        x = (following / sigma).item() * x - (-step).expm1().item() * target
        previous = denoised
    return x


def ddim(x: Tensor, schedule: NoiseSchedule, steps: int, predict: Predict) -> Tensor:
    """DDIM, Song et al. (2020), eta 0, on A1111's timesteps (``sd_samplers_timesteps_impl.ddim``): 1, 1 + 1000 // steps, …

    As there, the first of them only ends the walk: ``steps`` of them take one model call less.
    """
    count = len(schedule.alphas_cumprod)
    timesteps = (torch.arange(0, count, max(1, count // steps)) + 1).clamp(0, count - 1)
    for timestep, following in pairwise(timesteps.flip(0)):
        alpha, next_alpha = (schedule.alphas_cumprod[t].item() for t in (timestep, following))
        output = predict(x, timestep.to(x.device)[None])
        if schedule.prediction_type == "v_prediction":  # never divided by alpha, which may be 0 at the first step
            epsilon = alpha**0.5 * output + (1 - alpha) ** 0.5 * x
            clean = alpha**0.5 * x - (1 - alpha) ** 0.5 * output
        else:
            epsilon = output
            clean = (x - (1 - alpha) ** 0.5 * epsilon) / max(alpha, LEAST_ALPHA) ** 0.5
        x = next_alpha**0.5 * clean + (1 - next_alpha) ** 0.5 * epsilon
    return x


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A method and the schedule of its noise levels. ``label`` is what an infotext calls the schedule."""

    name: str
    method: Method | None
    schedule: str
    label: str

    def sample(self, noise_schedule: NoiseSchedule, predict: Predict, noise: Noise, *, steps: int) -> Tensor:
        """From pure noise to latents. The first ``noise()`` is the start; ancestral methods draw more."""
        if self.method is None:
            return ddim(noise(), noise_schedule, steps, predict)
        denoiser = Denoiser(noise_schedule, predict)
        sigmas = SCHEDULES[self.schedule](denoiser, steps)
        return self.method(noise() * sigmas[0].item(), sigmas, denoiser, noise)


_METHODS: dict[str, tuple[Method | None, str]] = {
    "Euler a": (euler_ancestral, "Automatic"),
    "Euler": (euler, "Automatic"),
    "Heun": (heun, "Automatic"),
    "DPM++ 2M": (dpmpp_2m, "Karras"),
    "DDIM": (None, "Automatic"),
}


def sampler_names() -> list[str]:
    """List the names that ``find_sampler`` knows, for lists in a page."""
    return [*_METHODS, "DPM++ 2M Karras", "DPM++ 2M Uniform"]


def find_sampler(name: str) -> Sampler:
    """By A1111's name, any case, with or without a schedule at its end (``DPM++ 2M Karras``).

    Without one each sampler has the schedule that A1111 1.10's "Automatic" gives it. Raises InputError naming all.
    """
    wanted, schedule = name.strip().lower(), None
    for label in SCHEDULES:
        if wanted.endswith(f" {label.lower()}"):
            wanted, schedule = wanted.removesuffix(f" {label.lower()}"), label
    for known, (method, automatic) in _METHODS.items():
        if known.lower() == wanted and not (method is None and schedule):
            label = schedule or automatic
            return Sampler(
                name=known, method=method, schedule="Uniform" if label == "Automatic" else label, label=label
            )
    raise InputError(f"There is no sampler {name!r}; there are {', '.join(sampler_names())}.", field="sampler")
