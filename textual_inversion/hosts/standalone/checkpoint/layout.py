"""Shape of a checkpoint's networks: every number that is needed to build them, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ....core.model.host import ModelFamily, PredictionType
from .ldm_keys import UnetShape, VaeShape
from .tokenizer import Flavour


@dataclass(frozen=True, kw_only=True)
class UNetLayout:
    """``heads`` per level, widest resolution first; ``label_width`` is SDXL's 2816, else None."""

    shape: UnetShape
    in_channels: int
    out_channels: int
    heads: tuple[int, ...]
    context_width: int
    linear_projections: bool
    label_width: int | None = None

    @property
    def inpainting(self) -> bool:
        """True where the input is latents, mask and masked latents."""
        return self.in_channels == 2 * self.out_channels + 1


@dataclass(frozen=True, kw_only=True)
class VaeLayout:
    """``scale_factor`` multiplies the posterior; a picture is ``factor`` times as large as its latents."""

    shape: VaeShape
    latent_channels: int
    scale_factor: float

    @property
    def factor(self) -> int:
        return 2 ** (len(self.shape.channels) - 1)


@dataclass(frozen=True, kw_only=True)
class TextLayout:
    """One text encoder. ``prefix`` is where its tensors are in the file; ``folder`` may hold its vocabulary."""

    flavour: Flavour
    prefix: str
    width: int
    layers: int
    heads: int
    inner_width: int
    positions: int
    vocabulary: int
    activation: Literal["quick_gelu", "gelu"]
    output: Literal["last", "penultimate"]
    projection: bool = False
    epsilon: float = 1e-5
    folder: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ScheduleLayout:
    """LDM's "linear" schedule: betas linear in their square roots, over ``timesteps`` steps.

    ``zero_terminal_snr``: rescaled so that the last step is pure noise (Lin et al. 2024, algorithm 1).
    """

    linear_start: float = 0.00085
    linear_end: float = 0.0120
    timesteps: int = 1000
    zero_terminal_snr: bool = False

    def alphas_cumprod(self) -> torch.Tensor:
        """[timesteps] float64 (LDM ``make_beta_schedule("linear")``; rescaled as diffusers' ``rescale_zero_terminal_snr``)."""
        ends = self.linear_start**0.5, self.linear_end**0.5
        betas = torch.linspace(*ends, self.timesteps, dtype=torch.float64, device="cpu") ** 2
        alphas = torch.cumprod(1 - betas, dim=0)
        if not self.zero_terminal_snr:
            return alphas
        roots = alphas.sqrt()
        first, last = roots[0].clone(), roots[-1].clone()
        return ((roots - last) * (first / (first - last))) ** 2


@dataclass(frozen=True, kw_only=True)
class ModelLayout:
    """A whole checkpoint. ``prediction`` is None where only running the U-Net can tell (see ``loading``).

    ``image_size`` is the side of the latents it was trained on, where a config names it.
    """

    family: ModelFamily
    unet: UNetLayout
    vae: VaeLayout
    text: Mapping[str, TextLayout]
    schedule: ScheduleLayout
    prediction: PredictionType | None
    image_size: int | None = None
    warnings: tuple[str, ...] = ()

    def native_size(self, prediction: PredictionType) -> int:
        """Side in pixels of the pictures that the checkpoint was made for."""
        if self.family == "sd2" and prediction == "v_prediction" and self.unet.shape.channels[0] == 320:
            return 768  # the published configs of SD 2.x name 64 for both
        usual = 1024 if self.family == "sdxl" else 512
        return self.image_size * self.vae.factor if self.image_size else usual
