"""The protocol between the engine and whatever owns the model: a web UI, or the standalone host.

A ``Host`` lends its model for a time (``with host.lease(request) as lease``). Inside, the weights are frozen and nothing
else may change them; leaving by any door puts everything back bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import torch
from PIL import Image

from ..embedding.embedding import Vectors
from .lora import LoraUse
from .shape import ModelShape
from .vae_attention import VaeAttention

OWN_VAE = "None"
"""Asks for the VAE that is part of the checkpoint; web UIs say it so."""

PredictionType = Literal["epsilon", "v_prediction"]
ModelFamily = Literal["sd1", "sd2", "sdxl"]
Recompute = Literal["none", "selective", "full"]
"""The part of the U-Net that is computed again in the backward pass in place of being kept: nothing, what is cheap, whole blocks."""


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """The checkpoint that is loaded. ``sha256`` is the full hex digest of the file (None while unknown)."""

    name: str
    path: Path | None
    sha256: str | None

    @property
    def short_hash(self) -> str | None:
        """The first 10 hex digits, as web UIs show and store it."""
        return self.sha256[:10] if self.sha256 else None


@dataclass(frozen=True, kw_only=True)
class NoiseSchedule:
    """``alphas_cumprod`` is float64 [T] on the CPU, falling from almost 1 to almost 0; T is 1000 for all SD models."""

    alphas_cumprod: torch.Tensor
    prediction_type: PredictionType


@dataclass(frozen=True, kw_only=True)
class LatentMoments:
    """The VAE's posterior, already multiplied by the model's scale factor: mean and std, each [B, C, h, w] float32."""

    mean: torch.Tensor
    std: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """Input of the U-Net besides latents and timesteps.

    ``context``: [B, tokens, width], tokens a multiple of 77. ``vector``: SDXL's pooled text and sizes [B, 2816], else None.
    ``inserted``: for each prompt, how many rows of live vectors went into it.
    """

    context: torch.Tensor
    vector: torch.Tensor | None
    inserted: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LeaseRequest:
    """Wishes of a run about the model while it holds it. None means: as the host has it set.

    ``vae``: empty for what the host has set, ``OWN_VAE``, or what ``Host.find_vae`` finds; it is in the model as long as it is lent.
    ``loras`` likewise; a host that cannot lend a model with LoRAs says so in a LeaseError.
    """

    clip_skip: int | None = None
    vae: str = ""
    loras: tuple[LoraUse, ...] = ()
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    recompute: Recompute = "none"


@dataclass(frozen=True, kw_only=True)
class PictureRequest:
    """One picture to make. ``guidance_scale`` is the CFG scale; sizes in pixels; the seed decides all of the noise."""

    prompt: str
    negative_prompt: str = ""
    sampler: str = "Euler a"
    steps: int = 20
    guidance_scale: float = 7.0
    seed: int = 0
    width: int = 512
    height: int = 512


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A finished picture and its generation parameters in A1111's infotext form; ``warnings`` are about its prompts."""

    image: Image.Image
    infotext: str
    warnings: tuple[str, ...] = ()


class TextEncoder(Protocol):
    """One frozen text encoder of the model. All tensors float32 on the CPU."""

    @property
    def width(self) -> int:
        """Values in one token vector: 768 (CLIP-L), 1024 (OpenCLIP-H), 1280 (OpenCLIP-G)."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Token ids without start, end and padding; the text is not parsed for emphasis."""
        ...

    def token_text(self, token_id: int) -> str:
        """The token as a person would read it (``cat</w>`` -> ``cat``)."""
        ...

    def table(self) -> torch.Tensor:
        """The whole token table, [vocabulary, width]; read only."""
        ...

    def encode_words(self, text: str) -> torch.Tensor:
        """The encoder's own output at the words of ``text`` encoded alone, [tokens, width]."""
        ...


class Lease(Protocol):
    """The model while it is lent. Tensors go in and come out on ``device`` unless said otherwise."""

    @property
    def checkpoint(self) -> CheckpointInfo: ...
    @property
    def family(self) -> ModelFamily: ...
    @property
    def schedule(self) -> NoiseSchedule: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def encoders(self) -> Mapping[str, TextEncoder]:
        """By key: ``clip_l`` (SD 1.x), ``clip_h`` (SD 2.x), ``clip_l`` and ``clip_g`` (SDXL), in this order."""
        ...

    @property
    def needs_loss_scaling(self) -> bool:
        """True where the backward pass runs in float16 and small gradients would underflow."""
        ...

    def encode_images(self, pixels: torch.Tensor) -> LatentMoments:
        """[B, 3, H, W] in [-1, 1], H and W multiples of 8 -> the posterior of the latents. No gradient."""
        ...

    def vae_attention(self, pixels: torch.Tensor) -> VaeAttention:
        """Record what looks alike in a picture [1, 3, H, W] in [-1, 1], H and W multiples of 8, by the VAE's encoder. No gradient."""
        ...

    def park_vae(self) -> None:
        """Free the accelerator of the VAE until it is needed again; costs nothing on a CPU."""
        ...

    def decode_latents(self, latents: torch.Tensor) -> torch.Tensor:
        """[B, C, h, w] -> pixels [B, 3, 8h, 8w] in [-1, 1]; differentiable with respect to the latents."""
        ...

    def encode_prompts(
        self, prompts: Sequence[str], *, embeddings: Mapping[str, Vectors], width: int, height: int
    ) -> Conditioning:
        """Encode through the host's own text pipeline (chunks of 75, emphasis, BREAK, clip skip).

        ``embeddings`` are the live ones by name, each [vectors, width] by encoder; wherever a prompt holds the name,
        their rows stand in the embedding
        lookup during this call only, and the result is differentiable with respect to them. They may lie on any device
        (a file's are on the CPU) and are moved where they enter the lookup. They win over files of the same name. ``width`` and ``height`` are the picture's size in pixels (SDXL conditions on it).
        """
        ...

    def predict(self, noisy: torch.Tensor, timesteps: torch.Tensor, conditioning: Conditioning) -> torch.Tensor:
        """The U-Net's raw output (epsilon or v), float32 [B, C, h, w], for ``noisy`` [B, C, h, w] at integer timesteps [B]."""
        ...

    def recompute_more(self) -> Recompute | None:
        """Keep less of the U-Net for backward passes from now on, at the price of time. What it came to; None where no more can be done."""
        ...

    def check(self) -> None:
        """Raise LeaseError when the host's model is no longer the one that was leased."""
        ...

    def picture(self, request: PictureRequest, *, embeddings: Mapping[str, Vectors]) -> Picture:
        """Make a picture with the live embeddings, [vectors, width] by encoder and name. Changes neither the model
        nor any global random state."""
        ...


class Host(Protocol):
    """Owner of the model, the folders and the prompt box."""

    @property
    def name(self) -> str: ...
    @property
    def embeddings_dir(self) -> Path: ...
    @property
    def template_dirs(self) -> Sequence[Path]:
        """Folders with prompt templates, the user's before the shipped ones."""
        ...

    @property
    def native_size(self) -> int:
        """Side in pixels of the pictures that the loaded checkpoint was made for: 512, 768, 1024; 64 for the demo."""
        ...

    def model_shape(self) -> ModelShape | None:
        """Of the model that is loaded; None while none is. Loads none, and needs no lease."""
        ...

    def count_tokens(self, text: str) -> int | None:
        """Count the tokens of a prompt that a text takes, without start and end; None while that is not known. Loads nothing."""
        ...

    def vae_names(self) -> Sequence[str]:
        """The VAE files that can be asked for by name. Quick: forms ask while the page is built."""
        ...

    def find_vae(self, name: str) -> Path | None:
        """The file of the VAE that a run asks for; None for ``OWN_VAE``. Raises InputError telling what there is."""
        ...

    def lease(self, request: LeaseRequest) -> AbstractContextManager[Lease]:
        """Borrow the model. Raises LeaseError with a sentence when it cannot be lent."""
        ...

    def embedding_names(self) -> set[str]:
        """The names that prompts know already."""
        ...

    def publish(self, path: Path) -> None:
        """A finished embedding was written (or replaced) at ``path``: make it usable by name at once."""
        ...
