"""First stage: the VAE, mostly on 32x32 crops (four times as many steps), whole pictures at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn

from .models import DemoShape, build_vae
from .progress import Progress, cosine
from .state import load_state, save_state


@dataclass(frozen=True)
class VaePlan:
    """Length and rate; the last `whole_share` of the steps see whole pictures, a quarter as many at a time."""

    steps: int = 3500
    batch_size: int = 16
    learning_rate: float = 5e-4
    whole_share: float = 0.1
    kl_weight: float = 1e-5
    save_seconds: float = 120.0
    compile: bool = False


def train_vae(pictures: np.ndarray, plan: VaePlan, *, shape: DemoShape, folder: Path, seed: int) -> AutoencoderKL:
    """Trains (or goes on training) on (n, 64, 64, 3) uint8 pictures and returns the VAE. Bit-equal through a resume."""
    torch.manual_seed(seed)
    vae = build_vae(shape)
    optimizer = torch.optim.AdamW(
        vae.parameters(), lr=plan.learning_rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True
    )
    path = folder / "vae-state.safetensors"
    start = load_state(path, {"vae": vae}, optimizer)
    compiled = torch.compile(_reconstruct) if plan.compile else _reconstruct
    progress, saved = Progress("vae", plan.steps), time.monotonic()
    for step in range(start, plan.steps):
        rate = cosine(step, steps=plan.steps, peak=plan.learning_rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch, noise = _batch(pictures, plan, step, seed)
        # The few steps on whole pictures do not pay back a second compilation.
        forward = compiled if batch.shape[-1] < pictures.shape[1] else _reconstruct
        loss = forward(vae, batch, noise, plan.kl_weight)
        loss.backward()
        nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress.step(step + 1, loss.item(), rate)
        if time.monotonic() - saved > plan.save_seconds or step + 1 == plan.steps:
            save_state(path, step + 1, {"vae": vae}, optimizer)
            saved = time.monotonic()
    return vae


def _batch(pictures: np.ndarray, plan: VaePlan, step: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops (or whole pictures, late) in [-1, 1], and the noise of the posterior; derived from (seed, step)."""
    rng = np.random.default_rng((seed, 1, step))
    whole = step >= plan.steps * (1.0 - plan.whole_share)
    count, side = (max(1, plan.batch_size // 4), 64) if whole else (plan.batch_size, 32)
    crops = []
    for index in rng.integers(len(pictures), size=count):
        y, x = rng.integers(64 - side + 1, size=2)
        crops.append(pictures[index, y : y + side, x : x + side])
    batch = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    noise = torch.from_numpy(rng.standard_normal((count, 4, side // 8, side // 8), dtype=np.float32))
    return batch, noise


def _reconstruct(vae: AutoencoderKL, batch: torch.Tensor, noise: torch.Tensor, kl_weight: float) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        mean, log_variance = vae.quant_conv(vae.encoder(batch)).float().chunk(2, dim=1)
        log_variance = log_variance.clamp(-30.0, 20.0)
        picture = vae.decoder(vae.post_quant_conv(mean + noise * (0.5 * log_variance).exp()))
    error = picture.float() - batch
    kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).mean()
    return error.abs().mean() + error.square().mean() + kl_weight * kl
