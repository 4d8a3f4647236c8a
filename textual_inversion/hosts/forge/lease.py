"""The engine while it is lent to a run. Implements ``core.host.Lease``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from modules import shared
from torch import Tensor

from ...core.base.errors import InputError
from ...core.embedding.embedding import Vectors
from ...core.model.host import (
    CheckpointInfo,
    Conditioning,
    LatentMoments,
    LeaseRequest,
    ModelFamily,
    NoiseSchedule,
    Picture,
    PictureRequest,
    Recompute,
)
from ...core.model.vae_attention import VaeAttention, recorded
from ..forge_objects.parts import STEP, Parts
from ..forge_objects.vae import FACTOR, Vae
from ..webui_page.loras import in_prompts
from .model.engine import checkpoint_info, is_inpainting, latent_scale, noise_schedule, unet_of, vae_of
from .model.pinned import Pinned
from .pictures import picture_with
from .text.encoders import HostEncoder, encoders_of
from .text.encoding import PromptEncoder


class ForgeLease:
    """Made inside the contexts that ``ForgeHost.lease`` enters."""

    def __init__(
        self, engine: Any, request: LeaseRequest, *, parts: Parts, loras: Mapping[str, float], pinned: Pinned
    ) -> None:
        self._engine, self._parts, self._pinned = engine, parts, pinned
        self._loras = in_prompts(loras)
        self._family, self._encoders = encoders_of(engine)
        self._schedule = noise_schedule(engine)
        self._info = checkpoint_info(engine)
        self._clip_skip = request.clip_skip or int(shared.opts.CLIP_stop_at_last_layers)
        self._prompts = PromptEncoder(engine, clip_skip=self._clip_skip)
        self._vae = Vae(engine.forge_objects_original, parts, scale=latent_scale(engine))
        unet = engine.forge_objects_original.unet
        self._device, self._dtype = unet.load_device, unet.model.computation_dtype
        self._unet = unet_of(engine)
        self._inpainting = is_inpainting(engine)
        self._grey: dict[tuple[int, int], Tensor] = {}

    @property
    def checkpoint(self) -> CheckpointInfo:
        return self._info

    @property
    def family(self) -> ModelFamily:
        return self._family

    @property
    def schedule(self) -> NoiseSchedule:
        return self._schedule

    @property
    def device(self) -> torch.device:
        return self._device

    @property
    def encoders(self) -> Mapping[str, HostEncoder]:
        return self._encoders

    @property
    def needs_loss_scaling(self) -> bool:
        return self._dtype == torch.float16

    def recompute_more(self) -> Recompute | None:
        return self._parts.recompute_more()

    def check(self) -> None:
        self._pinned.check()

    def encode_images(self, pixels: Tensor) -> LatentMoments:
        """The U-Net may leave the card meanwhile, if both do not fit."""
        self.check()
        return self._vae.encode(pixels)

    def vae_attention(self, pixels: Tensor) -> VaeAttention:
        layer = vae_of(self._engine).encoder.mid.attn_1
        with recorded(layer.q, layer.k) as seen:
            self.encode_images(pixels)
        return seen.attention

    def park_vae(self) -> None:
        self._parts.drop("vae")

    def decode_latents(self, latents: Tensor) -> Tensor:
        self.check()
        return self._vae.decode(latents)

    def encode_prompts(
        self, prompts: Sequence[str], *, embeddings: Mapping[str, Vectors], width: int, height: int
    ) -> Conditioning:
        self.check()
        for name, vectors in embeddings.items():
            self._check_widths(name, vectors)
        if self._inpainting:  # now: in the middle of a step the VAE would push the encoders away that its graph holds
            self._nothing_kept(height // FACTOR, width // FACTOR)
        self._parts.need(*STEP)
        return self._prompts.encode(prompts, embeddings, width=width, height=height)

    def _check_widths(self, name: str, vectors: Vectors) -> None:
        found = {key: rows.shape[-1] for key, rows in vectors.items()}
        wanted = {key: encoder.width for key, encoder in self._encoders.items()}
        if found != wanted:
            raise InputError(f"The embedding {name!r} has widths {found}; the loaded checkpoint wants {wanted}.")

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        self.check()
        noisy = noisy.to(self._device, self._dtype)
        if self._inpainting:
            kept = self._nothing_kept(*noisy.shape[2:]).to(noisy)
            noisy = torch.cat([noisy, kept.expand(noisy.shape[0], -1, -1, -1)], dim=1)
        self._parts.need(*STEP)
        vector = conditioning.vector
        output = self._unet(
            noisy,
            timesteps.to(self._device).float(),
            context=conditioning.context.to(self._device, self._dtype),
            y=None if vector is None else vector.to(self._device, self._dtype),
            control=None,
            transformer_options={},  # written into by the U-Net, whose own default is shared
        )
        return output.float()

    @torch.no_grad()
    def _nothing_kept(self, height: int, width: int) -> Tensor:
        """Input [1, 5, height, width] of an inpainting U-Net when all is to be drawn: a mask of ones, and the latents of a grey picture.

        As the web UI's ``txt2img_image_conditioning``, with the mean of the posterior in place of a sample.
        """
        if (height, width) not in self._grey:
            latents = self._vae.encode(torch.zeros(1, 3, height * FACTOR, width * FACTOR)).mean
            self._grey[height, width] = torch.cat([torch.ones_like(latents[:, :1]), latents], dim=1)
        return self._grey[height, width]

    def picture(self, request: PictureRequest, *, embeddings: Mapping[str, Vectors]) -> Picture:
        self.check()
        if request.width % FACTOR or request.height % FACTOR:
            raise InputError(
                f"{request.width}x{request.height}: both sides must be multiples of {FACTOR}.", field="width"
            )
        with self._parts.hosts():
            with_loras = replace(request, prompt=request.prompt + self._loras)
            return picture_with(self._engine, with_loras, embeddings, clip_skip=self._clip_skip)
