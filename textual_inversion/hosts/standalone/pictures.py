"""Makes one picture from one seed: noise, guided sampling, decoding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...core.errors import InputError
from ...core.host import Conditioning, NoiseSchedule, PictureRequest
from .samplers import Noise, Sampler

UNet = Callable[[Tensor, Tensor, Conditioning], Tensor]


def check_request(request: PictureRequest, *, factor: int) -> None:
    """Raise InputError for what cannot be made: sizes must be multiples of the VAE's ``factor``."""
    for field in ("width", "height"):
        value = getattr(request, field)
        if value <= 0 or value % factor:
            raise InputError(f"The {field} is {value}; it must be a multiple of {factor}.", field=field)
    if not 1 <= request.steps <= 1000:
        raise InputError(f"{request.steps} sampling steps cannot be done; choose 1 to 1000.", field="steps")


def seeded_noise(seed: int, shape: tuple[int, int, int], device: torch.device) -> Noise:
    """Standard normal tensors [1, C, h, w], drawn on the CPU (A1111's "CPU" noise source): the same on every device."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return lambda: torch.randn(shape, generator=generator).to(device)[None]


@torch.no_grad()
def sample_latents(
    sampler: Sampler,
    *,
    unet: UNet,
    schedule: NoiseSchedule,
    positive: Conditioning,
    negative: Conditioning,
    guidance_scale: float,
    steps: int,
    noise: Noise,
) -> Tensor:
    """Classifier-free guidance, ``negative + scale * (positive - negative)``; both in one batch where they are of one length.

    At a scale of exactly 1 the negative prompt has no say and is not computed.
    """
    together = _joined(positive, negative) if positive.context.shape == negative.context.shape else None

    def predict(noisy: Tensor, timestep: Tensor) -> Tensor:
        if guidance_scale == 1:
            return unet(noisy, timestep, positive)
        if together is not None:
            wanted, unwanted = unet(noisy.expand(2, -1, -1, -1), timestep.expand(2), together).chunk(2)
        else:
            wanted, unwanted = (unet(noisy, timestep, side) for side in (positive, negative))
        return unwanted + guidance_scale * (wanted - unwanted)

    return sampler.sample(schedule, predict, noise, steps=steps)


def _joined(first: Conditioning, second: Conditioning) -> Conditioning:
    vectors = None
    if first.vector is not None and second.vector is not None:
        vectors = torch.cat([first.vector, second.vector])
    context = torch.cat([first.context, second.context])
    return Conditioning(context=context, vector=vectors, inserted=first.inserted + second.inserted)


def to_picture(pixels: Tensor) -> Image.Image:
    """[1, 3, H, W] in [-1, 1] to an RGB picture; values are cut, not rounded, as in A1111."""
    scaled = pixels[0].detach().float().cpu().mul(0.5).add(0.5).clamp(0, 1).movedim(0, -1)
    return Image.fromarray((scaled.numpy() * 255.0).astype(np.uint8), "RGB")
