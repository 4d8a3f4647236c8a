"""Last stage: the VAE's decoder alone, on whole pictures from noisy latents; the latents stay what they are.

The world's colours and edges are few, so a decoder that has seen noisy latents forgives the U-Net's small mistakes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn

from .progress import Progress, cosine
from .state import load_state, save_state


@dataclass(frozen=True)
class DecoderPlan:
    """Length and rate; `noise` is the most noise on a latent, in units of the latents' standard deviation."""

    steps: int = 1500
    batch_size: int = 8
    learning_rate: float = 3e-4
    noise: float = 0.2
    save_seconds: float = 120.0


def train_decoder(
    vae: AutoencoderKL, means: torch.Tensor, pictures: np.ndarray, plan: DecoderPlan, *, folder: Path, seed: int
) -> None:
    """Trains decoder and post_quant_conv of `vae` in place on (n, 4, 8, 8) latents and their (n, 64, 64, 3) pictures."""
    parts = nn.ModuleDict({"decoder": vae.decoder, "post_quant_conv": vae.post_quant_conv})
    weights = list(parts.requires_grad_(True).parameters())
    optimizer = torch.optim.AdamW(weights, lr=plan.learning_rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True)
    path = folder / "decoder-state.safetensors"
    start = load_state(path, {"parts": parts}, optimizer)
    progress, saved, spread = Progress("decoder", plan.steps), time.monotonic(), float(means.std())
    for step in range(start, plan.steps):
        rate = cosine(step, steps=plan.steps, peak=plan.learning_rate, warm_up=50)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng((seed, 4, step))
        chosen = rng.integers(len(pictures), size=plan.batch_size)
        noise = torch.from_numpy(rng.standard_normal((plan.batch_size, *means.shape[1:]), dtype=np.float32))
        level = torch.from_numpy(rng.random((plan.batch_size, 1, 1, 1), dtype=np.float32)) * plan.noise * spread
        target = torch.from_numpy(pictures[chosen]).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        with torch.autocast("cpu", torch.bfloat16):
            decoded = vae.decoder(vae.post_quant_conv(means[torch.from_numpy(chosen)] + level * noise))
        error = decoded.float() - target
        loss = error.abs().mean() + error.square().mean()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress.step(step + 1, loss.item(), rate)
        if time.monotonic() - saved > plan.save_seconds or step + 1 == plan.steps:
            save_state(path, step + 1, {"parts": parts}, optimizer)
            saved = time.monotonic()
    parts.requires_grad_(False)
