"""Loss of a step: the distance of the model's prediction from its target."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..model.host import NoiseSchedule
from ..settings.objective import ObjectiveSettings
from .noise import velocity

_LARGEST_WEIGHT = 100.0


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The denoising loss of the leased model (Gal et al. 2022, equation 2).

    Of the settings ``loss``, ``huber_delta`` (for huber only), ``min_snr_gamma`` (0 is off) and ``loss_weighting`` count; velocity
    makes an epsilon model's error one in v (Salimans and Ho 2022): epsilon's error alone says next to nothing about the layout, which only nearly
    pure noise leaves open.
    """

    schedule: NoiseSchedule
    settings: ObjectiveSettings

    def target(self, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """Target of the U-Net: the noise (epsilon) or the velocity (v), [B, C, h, w]."""
        if self.schedule.prediction_type == "epsilon":
            return noise
        return velocity(latents, noise, self.schedule.alphas_cumprod[timesteps.cpu()])

    def __call__(
        self, prediction: torch.Tensor, target: torch.Tensor, *, timesteps: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """The loss of each picture, [B] float32; ``weight`` is a map [B, 1, h, w] with mean 1, or None."""
        if self.settings.loss == "huber":
            each = F.huber_loss(prediction, target, reduction="none", delta=self.settings.huber_delta)
        else:
            each = F.mse_loss(prediction, target, reduction="none")
        if weight is not None:
            each = each * weight
        return each.mean(dim=(1, 2, 3)) * self.timestep_weight(timesteps).to(each.dtype).to(each.device)

    def timestep_weight(self, timesteps: torch.Tensor) -> torch.Tensor:
        """Weight of each picture's error, [B]."""
        weights = self._min_snr(timesteps)
        if self.settings.loss_weighting == "velocity" and self.schedule.prediction_type == "epsilon":
            weights = weights / self.schedule.alphas_cumprod[timesteps.cpu()].clamp(min=1 / _LARGEST_WEIGHT)
        return weights

    def _min_snr(self, timesteps: torch.Tensor) -> torch.Tensor:
        """Min-SNR weights (Hang et al. 2023, section 3.4), [B]: min(SNR, g) / SNR for epsilon, / (SNR + 1) for v."""
        gamma = self.settings.min_snr_gamma
        if gamma <= 0:
            return torch.ones(timesteps.shape[0])
        a = self.schedule.alphas_cumprod[timesteps.cpu()]
        snr = a / (1 - a)
        if self.schedule.prediction_type == "v_prediction":
            return snr.clamp(max=gamma) / (snr + 1)
        return (gamma / snr).clamp(max=1.0)  # 1 at pure noise, where the SNR is 0
