"""The web UI's model while it is lent to a run. Implements ``core.host.Lease``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from modules import devices, shared
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
from ..hijacked_text.encoders import HostEncoder, encoders_of
from ..hijacked_text.encoding import PromptEncoder
from ..parking import Parking
from ..recompute.recomputation import Recomputation
from .model.attention import Attention
from .model.memory_order import MemoryOrder
from .model.model import checkpoint_info, is_inpainting, noise_schedule
from .model.networks import ActiveLoras, clear_networks
from .model.pinned import Pinned
from .model.vae import FACTOR, Vae
from .pictures import picture_with


class A1111Lease:
    """Made inside the contexts that ``A1111Host.lease`` enters."""

    def __init__(
        self,
        model: Any,
        request: LeaseRequest,
        *,
        attention: Attention,
        loras: ActiveLoras,
        recomputation: Recomputation,
        pinned: Pinned,
    ) -> None:
        self._model = model
        self._attention = attention
        self._loras = loras
        self._recomputation = recomputation
        self._pinned = pinned
        self._family, self._encoders = encoders_of(model)
        self._schedule = noise_schedule(model)
        self._info = checkpoint_info(model)
        self._clip_skip = request.clip_skip or int(shared.opts.CLIP_stop_at_last_layers)
        self._prompts = PromptEncoder(model, clip_skip=self._clip_skip)
        self._vae = Vae(model)
        self._unet = Parking(model.model, devices.device)
        self._order = MemoryOrder(model, devices.device)
        self._inpainting = is_inpainting(model)
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
        return devices.device

    @property
    def encoders(self) -> Mapping[str, HostEncoder]:
        return self._encoders

    @property
    def needs_loss_scaling(self) -> bool:
        return devices.dtype_unet == torch.float16

    def unpark(self) -> None:
        """Everything where the web UI had it."""
        self._vae.unpark()
        self._unet.unpark()

    def recompute_more(self) -> Recompute | None:
        return self._recomputation.more()

    def check(self) -> None:
        self._pinned.check(parked=self._unet.parked)

    def encode_images(self, pixels: Tensor) -> LatentMoments:
        """SDXL's U-Net leaves the card meanwhile: beside it a VAE in float32 at 1024 pixels does not fit in 8 GB."""
        self.check()
        if self._family == "sdxl":
            self._unet.park()
        return self._vae.encode(pixels)

    def vae_attention(self, pixels: Tensor) -> VaeAttention:
        layer = self._model.first_stage_model.encoder.mid.attn_1
        with recorded(layer.q, layer.k) as seen:
            self.encode_images(pixels)
        return seen.attention

    def park_vae(self) -> None:
        self._vae.park()
        self._unet.unpark()

    def decode_latents(self, latents: Tensor) -> Tensor:
        self.check()
        return self._vae.decode(latents)

    def encode_prompts(
        self, prompts: Sequence[str], *, embeddings: Mapping[str, Vectors], width: int, height: int
    ) -> Conditioning:
        self.check()
        for name, vectors in embeddings.items():
            self._check_widths(name, vectors)
        return self._prompts.encode(prompts, embeddings, width=width, height=height)

    def _check_widths(self, name: str, vectors: Vectors) -> None:
        found = {key: rows.shape[-1] for key, rows in vectors.items()}
        wanted = {key: encoder.width for key, encoder in self._encoders.items()}
        if found != wanted:
            raise InputError(f"The embedding {name!r} has widths {found}; the loaded checkpoint wants {wanted}.")

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        self.check()
        self._unet.unpark()
        noisy = noisy.to(devices.device)
        told: dict[str, Any] = (
            {"crossattn": conditioning.context, "vector": conditioning.vector}
            if self._family == "sdxl"
            else {"c_crossattn": [conditioning.context]}
        )
        if self._inpainting:
            told["c_concat"] = [self._nothing_kept(noisy)]
        with devices.autocast(), self._order.straight():
            return self._model.apply_model(noisy, timesteps.to(devices.device), told).float()

    @torch.no_grad()
    def _nothing_kept(self, noisy: Tensor) -> Tensor:
        """Input of an inpainting U-Net when all is to be drawn: a mask of ones, and the latents of a grey picture.

        As the web UI's ``txt2img_image_conditioning``, with the mean of the posterior in place of a sample.
        """
        batch, _, height, width = noisy.shape
        if (height, width) not in self._grey:
            latents = self._vae.encode(torch.zeros(1, 3, height * FACTOR, width * FACTOR)).mean
            self._grey[height, width] = torch.cat([torch.ones_like(latents[:, :1]), latents], dim=1)
        return self._grey[height, width].expand(batch, -1, -1, -1).to(noisy.dtype)

    def picture(self, request: PictureRequest, *, embeddings: Mapping[str, Vectors]) -> Picture:
        self.check()
        if request.width % FACTOR or request.height % FACTOR:
            raise InputError(
                f"{request.width}x{request.height}: both sides must be multiples of {FACTOR}.", field="width"
            )
        self._unet.unpark()
        try:
            with torch.no_grad(), self._attention.hosts(), self._vae.here():
                with_loras = replace(request, prompt=request.prompt + self._loras.prompt)
                return picture_with(self._model, with_loras, embeddings, clip_skip=self._clip_skip)
        finally:
            clear_networks(self._model)  # LoRAs that the preview's prompt names are for the preview alone
            self._loras.switch_on()
