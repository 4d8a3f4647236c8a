"""Many pictures in one batch: the same prompts and seeds for every embedding that is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ..core.embedding.embedding import Vectors
from ..core.model.host import Conditioning, Lease
from ..demo.world import SIZE
from ..hosts.standalone.sampling.pictures import to_picture
from ..hosts.standalone.sampling.samplers import find_sampler


@dataclass(frozen=True, kw_only=True)
class PaintSettings:
    """Settings of evaluation pictures. ``batch`` is the number painted at once; it changes only the time."""

    sampler: str = "DDIM"
    steps: int = 10
    guidance_scale: float = 5.0
    batch: int = 25


USUAL = PaintSettings()
"""Settings of all results but for the guidance scale of pairs: DDIM is as good in 10 steps as Euler a in 20, see docs/study.md."""


@torch.no_grad()
def paint(
    lease: Lease,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    embeddings: Mapping[str, Vectors],
    negative: str = "",
    settings: PaintSettings = USUAL,
) -> list[Image.Image]:
    """A picture of 64x64 pixels for each prompt, its noise from the seed of the same place; one negative prompt for all."""
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), settings.batch):
        part = slice(start, start + settings.batch)
        latents = _latents(lease, (prompts[part], negative), seeds[part], embeddings, settings)
        with torch.autocast(lease.device.type, torch.bfloat16):
            pixels = lease.decode_latents(latents).float()
        pictures += [to_picture(each[None]) for each in pixels]
    return pictures


def _latents(
    lease: Lease,
    texts: tuple[Sequence[str], str],
    seeds: Sequence[int],
    embeddings: Mapping[str, Vectors],
    settings: PaintSettings,
) -> Tensor:
    """Classifier-free guidance against the negative prompt, [B, 4, 8, 8]."""
    prompts, negative = texts
    count = len(prompts)
    positive = lease.encode_prompts(prompts, embeddings=embeddings, width=SIZE, height=SIZE)
    against = lease.encode_prompts([negative], embeddings=embeddings, width=SIZE, height=SIZE)
    context = torch.cat([positive.context, against.context.expand(count, -1, -1)])
    both = Conditioning(context=context, vector=None, inserted=(0,) * (2 * count))
    sources = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]

    def noise() -> Tensor:
        drawn = [torch.randn(4, SIZE // 8, SIZE // 8, generator=source) for source in sources]
        return torch.stack(drawn).to(lease.device)

    def predict(noisy: Tensor, timestep: Tensor) -> Tensor:
        wanted, plain = lease.predict(noisy.repeat(2, 1, 1, 1), timestep.expand(2 * count), both).chunk(2)
        return plain + settings.guidance_scale * (wanted - plain)

    return find_sampler(settings.sampler).sample(lease.schedule, predict, noise, steps=settings.steps)
