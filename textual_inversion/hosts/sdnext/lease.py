"""The web UI's model while it is lent to a run. Implements ``core.host.Lease``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...core.base.errors import InputError, LeaseError
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
from ...core.model.vae_attention import VaeAttention
from ...core.record.kept_steps import StepCopies
from ..diffusers_model.inpainting import NothingKept
from ..diffusers_model.vae import Vae
from ..parking import Parking
from .loan import Loan
from .model.networks import as_prompt
from .model.pinned import Pinned
from .model.pipeline import checkpoint_info, device, family_of, noise_schedule, text_encoders
from .model.refusals import is_inpainting
from .pictures import make_picture
from .text.encoders import HostEncoder
from .text.encoding import PromptEncoder
from .text.references import read_references
from .text.tokens import Tokens

_SIZES = 6
"""Numbers of SDXL's conditioning that are sizes: those at the end of its vector."""


class SDNextLease:
    """Made inside a ``Loan``."""

    def __init__(
        self, pipe: Any, request: LeaseRequest, *, loan: Loan, pinned: Pinned, copies: StepCopies | None = None
    ) -> None:
        self._pipe = pipe
        self._copies = copies
        self._loan = loan
        self._pinned = pinned
        self._family = family_of(pipe)
        self._device = device()
        self._encoders = {key: HostEncoder(*each) for key, each in text_encoders(pipe).items()}
        self._schedule = noise_schedule(pipe)
        self._info = checkpoint_info(pipe)
        self._clip_skip = request.clip_skip or 1
        self._tokens = Tokens(pipe)
        self._prompts = PromptEncoder(pipe, self._tokens, clip_skip=self._clip_skip)
        self._vae = Vae(pipe.vae, scale=float(pipe.vae.config.scaling_factor), device=self._device)
        self._unet = Parking(pipe.unet, self._device)
        self._nothing_kept = NothingKept(self._vae) if is_inpainting(pipe) else None

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
        return self._pipe.unet.dtype == torch.float16

    def unpark(self) -> None:
        """Everything where the web UI had it."""
        self._vae.unpark()
        self._unet.unpark()

    def check(self) -> None:
        self._pinned.check(parked=self._unet.parked)

    def encode_images(self, pixels: Tensor) -> LatentMoments:
        """SDXL's U-Net leaves the card meanwhile: beside it a VAE in float32 at 1024 pixels does not fit in 8 GB."""
        self.check()
        if self._family == "sdxl":
            self._unet.park()
        return self._vae.encode(pixels)

    def vae_attention(self, pixels: Tensor) -> VaeAttention:
        self.check()
        if getattr(self._pipe.vae.encoder.mid_block.attentions[0], "fused_projections", False):
            raise LeaseError(
                "SD.Next has joined the VAE's projections (Settings > Backend Settings > Fused projections), so what looks "
                "alike cannot be read from it. Switch that off and load the checkpoint again."
            )
        if self._family == "sdxl":
            self._unet.park()
        return self._vae.attention(pixels)

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
        known = {*self._pipe.embedding_db.word_embeddings, *embeddings}
        read = read_references(self._pipe, prompts, self._copies, names=known)
        vectors = {**read.vectors, **embeddings}
        return self._prompts.encode(read.prompts, vectors, live=embeddings, width=width, height=height)

    def _check_widths(self, name: str, vectors: Vectors) -> None:
        found = {key: rows.shape[-1] for key, rows in vectors.items()}
        wanted = {key: encoder.width for key, encoder in self._encoders.items()}
        if found != wanted:
            raise InputError(f"The embedding {name!r} has widths {found}; the loaded checkpoint wants {wanted}.")

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        self.check()
        self._unet.unpark()
        unet = self._pipe.unet
        inputs = noisy.to(self._device, unet.dtype)
        if self._nothing_kept is not None:
            inputs = torch.cat([inputs, self._nothing_kept.beside(noisy).to(inputs)], dim=1)
        return unet(
            inputs,
            timesteps.to(self._device),
            encoder_hidden_states=conditioning.context.to(self._device, unet.dtype),
            added_cond_kwargs=self._added(conditioning.vector),
            return_dict=False,
        )[0].float()

    def _added(self, vector: Tensor | None) -> dict[str, Tensor] | None:
        if vector is None:
            return None
        here = vector.to(self._device)
        return {"text_embeds": here[:, :-_SIZES].to(self._pipe.unet.dtype), "time_ids": here[:, -_SIZES:]}

    def recompute_more(self) -> Recompute | None:
        return self._loan.recompute_more()

    def picture(self, request: PictureRequest, *, embeddings: Mapping[str, Vectors]) -> Picture:
        self.check()
        if request.width % self._vae.factor or request.height % self._vae.factor:
            raise InputError(
                f"{request.width}x{request.height}: both sides must be multiples of {self._vae.factor}.", field="width"
            )
        self._unet.unpark()
        with_loras = replace(request, prompt=request.prompt + as_prompt(self._loan.loras))
        detached = {name: {key: rows.detach() for key, rows in each.items()} for name, each in embeddings.items()}
        with torch.no_grad(), self._vae.here(), self._loan.returned(), self._prompts.settings():
            return make_picture(
                self._pipe,
                with_loras,
                detached,
                tokens=self._tokens,
                copies=self._copies,
                clip_skip=self._clip_skip,
            )
