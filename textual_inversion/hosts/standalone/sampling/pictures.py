"""Makes one picture from one seed: noise, guided sampling, decoding."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ....core.base.errors import InputError
from ....core.base.sentences import listed
from ....core.dataset.prompt_syntax import foreign_syntax
from ....core.embedding.embedding import Vectors
from ....core.model.host import Conditioning, Lease, NoiseSchedule, Picture, PictureRequest
from ...step_references import ReadPrompts
from ..checkpoint.layout import ModelLayout
from ..text.conditioning import PromptEncoder
from ..text.embeddings import EmbeddingLibrary
from .infotext import infotext
from .samplers import Noise, Sampler, find_sampler

UNet = Callable[[Tensor, Tensor, Conditioning], Tensor]


class ReadSteps(Protocol):
    """Reader of ``name@step`` in prompts; ``names`` are the embeddings that prompts know."""

    def __call__(self, prompts: Sequence[str], *, names: Collection[str]) -> ReadPrompts: ...


def check_request(request: PictureRequest, *, factor: int) -> None:
    """Raise InputError for what cannot be made: sizes must be multiples of the VAE's ``factor``."""
    for field in ("width", "height"):
        value = getattr(request, field)
        if value <= 0 or value % factor:
            raise InputError(f"The {field} is {value}; it must be a multiple of {factor}.", field=field)
    if not 1 <= request.steps <= 1000:
        raise InputError(f"{request.steps} sampling steps cannot be done; choose 1 to 1000.", field="steps")


def unknown_syntax(request: PictureRequest) -> list[str]:
    """A sentence on what web UIs would do with these prompts, and this program does not."""
    found = [*foreign_syntax(request.prompt), *foreign_syntax(request.negative_prompt)]
    if not found:
        return []
    return [
        f"Read as words, since pictures made without a web UI know weights, BREAK and embeddings alone: {listed(found)}."
    ]


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


@dataclass(frozen=True, kw_only=True)
class PictureMaker:
    """Makes pictures with a leased model. Draws from its own generators only: no global random state changes."""

    lease: Lease
    layout: ModelLayout
    prompts: PromptEncoder
    library: EmbeddingLibrary
    clip_skip: int
    read_steps: ReadSteps

    def picture(self, request: PictureRequest, *, embeddings: Mapping[str, Vectors]) -> Picture:
        """Sample, decode and describe. Raises InputError for a request that cannot be made."""
        with torch.no_grad():
            image = to_picture(self.lease.decode_latents(self.latents(request, embeddings=embeddings)))
        names = {*self._files(), *embeddings}
        read = self.read_steps([request.prompt, request.negative_prompt], names=names)
        warnings = (*read.warnings, *unknown_syntax(request))
        return Picture(image=image, infotext=self._infotext(request, read, embeddings), warnings=warnings)

    def latents(self, request: PictureRequest, *, embeddings: Mapping[str, Vectors]) -> Tensor:
        """The finished latents [1, C, h, w]: decided by the request and the embeddings, by nothing else."""
        vae = self.layout.vae
        check_request(request, factor=vae.factor)
        shape = (vae.latent_channels, request.height // vae.factor, request.width // vae.factor)
        with torch.no_grad():
            positive, negative = (
                self.lease.encode_prompts([text], embeddings=embeddings, width=request.width, height=request.height)
                for text in (request.prompt, request.negative_prompt)
            )
        return sample_latents(
            find_sampler(request.sampler),
            unet=self.lease.predict,
            schedule=self.lease.schedule,
            positive=positive,
            negative=negative if request.negative_prompt else self._without_text(negative),
            guidance_scale=request.guidance_scale,
            steps=request.steps,
            noise=seeded_noise(request.seed, shape, self.lease.device),
        )

    def _without_text(self, conditioning: Conditioning) -> Conditioning:
        """SDXL was trained with zeros for an empty negative prompt (sgm ``force_zero_embeddings``); others were not."""
        if conditioning.vector is None:
            return conditioning
        vector = conditioning.vector.clone()
        vector[:, : self.layout.text["clip_g"].width] = 0
        context = torch.zeros_like(conditioning.context)
        return Conditioning(context=context, vector=vector, inserted=conditioning.inserted)

    def _files(self) -> Mapping[str, Vectors]:
        return self.library.fitting({key: text.width for key, text in self.layout.text.items()})

    def _infotext(self, request: PictureRequest, read: ReadPrompts, embeddings: Mapping[str, Vectors]) -> str:
        files = {**self._files(), **read.vectors}
        used = self.prompts.names_in(read.prompts, live=embeddings, files=files, words=read.missing)
        entries = self.library.entries()
        hashes = {name: entries[name].short_hash for name in used if name in entries and name not in embeddings}
        return infotext(
            request,
            sampler=find_sampler(request.sampler),
            checkpoint=self.lease.checkpoint,
            clip_skip=self.clip_skip if self.layout.family == "sd1" else 1,
            embedding_hashes={**hashes, **read.hashes(used)},
        )
