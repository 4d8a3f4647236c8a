"""Second stage: every picture encoded once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL


@dataclass(frozen=True)
class Latents:
    """`means`: (n, 4, 8, 8) float32 as the VAE gives them; `scale_factor`: one over their standard deviation."""

    means: torch.Tensor
    scale_factor: float

    @property
    def scaled(self) -> torch.Tensor:
        """(n, 4, 8, 8) latents of about unit variance, as the U-Net sees them."""
        return self.means * self.scale_factor


def encoded(vae: AutoencoderKL, pictures: np.ndarray, cache: Path) -> Latents:
    """Encodes (n, 64, 64, 3) uint8 pictures, or reads `cache` where it holds as many."""
    means = np.load(cache) if cache.exists() else np.empty((0, 4, 8, 8), dtype=np.float32)
    if len(means) != len(pictures):
        means = np.concatenate([_encode(vae, pictures[i : i + 16]) for i in range(0, len(pictures), 16)])
        temporary = cache.with_suffix(".tmp.npy")
        np.save(temporary, means)
        os.replace(temporary, cache)
    return Latents(torch.from_numpy(means), float(1.0 / means.std()))


def _encode(vae: AutoencoderKL, pictures: np.ndarray) -> np.ndarray:
    batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return vae.quant_conv(vae.encoder(batch))[:, :4].float().numpy()
