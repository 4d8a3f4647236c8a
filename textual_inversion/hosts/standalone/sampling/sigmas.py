"""Noise levels for sampling: k-diffusion's view of a discrete noise schedule, and its schedules."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....core.model.host import NoiseSchedule

LEAST_ALPHA = 4.8973451890853435e-08
"""Last alpha of a schedule that ends at zero, whose noise level would be infinite; as in web UIs (``rescale_zero_terminal_snr_abar``)."""

Predict = Callable[[Tensor, Tensor], Tensor]
"""The guided raw prediction for noisy latents [1, C, h, w] at (fractional) timesteps [1]."""


class Denoiser:
    """Denoised latents from x = x0 + sigma * noise (k-diffusion ``CompVisDenoiser`` and ``CompVisVDenoiser``)."""

    def __init__(self, schedule: NoiseSchedule, predict: Predict) -> None:
        alphas = schedule.alphas_cumprod.clamp(min=LEAST_ALPHA)
        self.sigmas = ((1 - alphas) / alphas).sqrt().float()
        self._log_sigmas = self.sigmas.log()
        self._is_v = schedule.prediction_type == "v_prediction"
        self._predict = predict

    def __call__(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        scale = 1 / (sigma**2 + 1).sqrt()
        prediction = self._predict(noisy * scale.item(), self.timestep(sigma).to(noisy.device)[None])
        if self._is_v:
            return prediction * (-sigma * scale).item() + noisy * (scale**2).item()
        return noisy - sigma.item() * prediction

    def timestep(self, sigma: Tensor) -> Tensor:
        """The fractional timestep of ``sigma``, by interpolating its logarithm."""
        wanted = sigma.log()
        low = (wanted >= self._log_sigmas).sum().sub(1).clamp(0, len(self.sigmas) - 2)
        below, above = self._log_sigmas[low], self._log_sigmas[low + 1]
        fraction = ((below - wanted) / (below - above)).clamp(0, 1)
        return low + fraction

    def sigma(self, timesteps: Tensor) -> Tensor:
        """The noise levels of fractional timesteps."""
        low, high = timesteps.floor().long(), timesteps.ceil().long()
        fraction = timesteps.frac()
        return ((1 - fraction) * self._log_sigmas[low] + fraction * self._log_sigmas[high]).exp()


def uniform(denoiser: Denoiser, steps: int) -> Tensor:
    """Evenly spaced timesteps, then 0: [steps + 1]."""
    timesteps = torch.linspace(len(denoiser.sigmas) - 1, 0, steps)
    return torch.cat([denoiser.sigma(timesteps), torch.zeros(1)])


def karras(denoiser: Denoiser, steps: int, *, rho: float = 7.0) -> Tensor:
    """Karras et al. (2022), equation 5, between the model's own extremes, then 0."""
    low, high = (denoiser.sigmas[end].item() ** (1 / rho) for end in (0, -1))
    ramp = torch.linspace(0, 1, steps)
    return torch.cat([(high + ramp * (low - high)) ** rho, torch.zeros(1)])


def exponential(denoiser: Denoiser, steps: int) -> Tensor:
    """Evenly spaced in the logarithm, then 0."""
    low, high = (denoiser.sigmas[end].log().item() for end in (0, -1))
    return torch.cat([torch.linspace(high, low, steps).exp(), torch.zeros(1)])


SCHEDULES: dict[str, Callable[[Denoiser, int], Tensor]] = {
    "Uniform": uniform,
    "Karras": karras,
    "Exponential": exponential,
}
