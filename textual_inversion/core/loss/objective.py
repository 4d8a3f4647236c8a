"""Loss of a step: the distance of the model's prediction from its target."""

from __future__ import annotations

import math
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
        each = self._error(prediction, target)
        if weight is not None:
            each = each * weight
        return each.mean(dim=(1, 2, 3)) * self.timestep_weight(timesteps).to(each.dtype).to(each.device)

    def _error(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Error of each value, [B, C, h, w]."""
        if self.settings.loss == "huber":
            return F.huber_loss(prediction, target, reduction="none", delta=self.settings.huber_delta)
        if self.settings.loss == "mae":
            return F.l1_loss(prediction, target, reduction="none")
        if self.settings.loss == "log-cosh":  # log(cosh(x)), in a form that large errors do not overflow (OneTrainer)
            difference = prediction - target
            return difference + F.softplus(-2 * difference) - math.log(2)
        return F.mse_loss(prediction, target, reduction="none")

    def timestep_weight(self, timesteps: torch.Tensor) -> torch.Tensor:
        """Weight of each picture's error, [B]."""
        return self._min_snr(timesteps) * self._weighting(timesteps)

    def _weighting(self, timesteps: torch.Tensor) -> torch.Tensor:
        """Weights by the name that OneTrainer has for them, [B], each as it computes them for epsilon and for v.

        ``velocity``: 1 / a, an epsilon model's error as one in v. ``p2``: 1 / (1 + SNR) (Choi et al. 2022, with k = gamma = 1).
        ``debiased``: 1 / sqrt(SNR), SNR up to 1000 (Yu et al. 2023). For v, SNR + 1 stands for SNR.
        """
        kind, is_v = self.settings.loss_weighting, self.schedule.prediction_type == "v_prediction"
        a = self.schedule.alphas_cumprod[timesteps.cpu()]
        if kind == "velocity" and not is_v:
            return 1 / a.clamp(min=1 / _LARGEST_WEIGHT)
        snr = a / (1 - a)
        if kind == "p2":
            return 1 / (1 + snr + is_v)
        if kind == "debiased":
            return (snr.clamp(max=1000) + is_v).clamp(min=1 / _LARGEST_WEIGHT**2).rsqrt()
        return torch.ones(timesteps.shape[0])

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
