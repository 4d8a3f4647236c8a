"""Third stage: U-Net and text encoder together, on the latents; eps prediction, an EMA of both.

The error in eps is weighted by 1 / alphas_cumprod, which makes it the error in v (Salimans and Ho 2022, appendix D). With
the plain eps loss, or with min-SNR weights, a caption's *place* is never learned: where a shape is can be seen in all but the
noisiest latents, and there the eps loss is next to nothing.

That alone was not enough: averaged over all colours and backgrounds a shape at the left looks like nothing at all, so place
and colour must be learned at the same moment or not. A fifth output, the shape's mask, asks for the place by itself; it
is not exported.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel

from .captions import training_caption
from .models import TIMESTEPS, DemoShape, alphas_cumprod, build_text, build_unet
from .progress import Progress, cosine
from .scene import Scene
from .state import load_state, save_state
from .words import Words
from .world import is_hidden


@dataclass(frozen=True)
class UnetPlan:
    """Length and rate. `text_rate`: the text encoder's
    learning rate over the U-Net's. `weight_cap`: most that a timestep's error is weighted."""

    steps: int = 7000
    batch_size: int = 64
    learning_rate: float = 6e-4
    text_rate: float = 0.4
    ema: float = 0.999
    weight_cap: float = 100.0
    mask_weight: float = 1.0
    save_seconds: float = 120.0
    export_seconds: float = 300.0
    compile: bool = False


@dataclass(frozen=True)
class Material:
    """Training data: scaled (n, 4, 8, 8) latents, their (n, 8, 8) masks in [-1, 1], their scenes, the vocabulary."""

    latents: torch.Tensor
    masks: torch.Tensor
    scenes: list[Scene]
    words: Words

    def pool(self) -> np.ndarray:
        """Numbers of the scenes to draw from; of every three in the hidden style two are passed over.

        No caption names that style, so captions without a style word would else mean it too often.
        """
        return np.asarray([i for i, scene in enumerate(self.scenes) if not is_hidden(scene.style) or i % 3 == 0])


@dataclass(frozen=True)
class Denoiser:
    """A U-Net and the text encoder that was trained with it."""

    unet: UNet2DConditionModel
    text: CLIPTextModel


def train_unet(
    data: Material,
    plan: UnetPlan,
    *,
    shape: DemoShape,
    folder: Path,
    seed: int,
    export: Callable[[Denoiser, int], None],
) -> Denoiser:
    """Trains (or goes on training) on `data`; returns the EMA, which `export` also gets at times."""
    torch.manual_seed(seed)
    unet, text = build_unet(shape, with_mask=True), build_text(shape, len(data.words.ids))
    average = Denoiser(copy.deepcopy(unet).requires_grad_(False), copy.deepcopy(text).requires_grad_(False))
    modules = {"unet": unet, "text": text, "ema_unet": average.unet, "ema_text": average.text}
    weights = [*unet.parameters(), *text.parameters()]
    averaged = [*average.unet.parameters(), *average.text.parameters()]
    groups = [
        {"params": list(unet.parameters()), "scale": 1.0},
        {"params": list(text.parameters()), "scale": plan.text_rate},
    ]
    optimizer = torch.optim.AdamW(groups, lr=plan.learning_rate, weight_decay=0.0, betas=(0.9, 0.99), fused=True)
    path = folder / "unet-state.safetensors"
    start, pool = load_state(path, modules, optimizer), data.pool()
    predict = torch.compile(unet) if plan.compile else unet
    encode = torch.compile(text) if plan.compile else text
    progress, saved, exported = Progress("unet", plan.steps, every=100), time.monotonic(), time.monotonic()
    for step in range(start, plan.steps):
        rate = cosine(step, steps=plan.steps, peak=plan.learning_rate, warm_up=300)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        loss = _loss(predict, encode, _batch(data, pool, plan, step, seed), plan)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            torch._foreach_lerp_(averaged, weights, 1.0 - min(plan.ema, (1.0 + step) / (10.0 + step)))
        progress.step(step + 1, loss.item(), rate)
        now, last = time.monotonic(), step + 1 == plan.steps
        if now - saved > plan.save_seconds or last:
            save_state(path, step + 1, modules, optimizer)
            saved = now
        if now - exported > plan.export_seconds or last:
            export(average, step + 1)
            exported = now
    return average


@dataclass(frozen=True)
class Batch:
    """Noisy latents with all that made them; everything derived from (seed, step)."""

    noisy: torch.Tensor
    noise: torch.Tensor
    timesteps: torch.Tensor
    rows: torch.Tensor
    masks: torch.Tensor


def _batch(data: Material, pool: np.ndarray, plan: UnetPlan, step: int, seed: int) -> Batch:
    rng = np.random.default_rng((seed, 2, step))
    count = plan.batch_size
    indices = rng.choice(pool, size=count)
    chosen = torch.from_numpy(indices)
    # One timestep in each of `count` equal parts of the range: less noise in the loss than independent draws.
    timesteps = torch.from_numpy(((np.arange(count) + rng.random(count)) / count * TIMESTEPS).astype(np.int64))
    noise = torch.from_numpy(rng.standard_normal((count, *data.latents.shape[1:]), dtype=np.float32))
    signal = alphas_cumprod()[timesteps].float().view(-1, 1, 1, 1)
    captions = [training_caption(data.scenes[i], random.Random(f"caption {seed} {step} {i}")) for i in indices]
    noisy = signal.sqrt() * data.latents[chosen] + (1.0 - signal).sqrt() * noise
    return Batch(noisy, noise, timesteps, data.words.rows(captions), data.masks[chosen])


def _loss(predict: Callable[..., Any], encode: Callable[..., Any], batch: Batch, plan: UnetPlan) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        context = encode(batch.rows).last_hidden_state
        predicted = predict(batch.noisy, batch.timesteps, context).sample
    weight = (1.0 / alphas_cumprod()[batch.timesteps].float()).clamp(max=plan.weight_cap)
    mask_error = (predicted[:, 4].float() - batch.masks).square().mean()
    error = (predicted[:, :4].float() - batch.noise).square().mean(dim=(1, 2, 3))
    return (weight * error).mean() + plan.mask_weight * mask_error
