"""The standalone model while it is lent to a run. Implements ``core.host.Lease``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

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
from ..frozen import frozen as frozen
from ..parking import Parking
from ..recompute.recomputation import Recomputation
from ..step_references import ReadPrompts, read_steps
from .loading import LoadedModel
from .sampling.pictures import PictureMaker
from .text.conditioning import PromptEncoder
from .text.embeddings import EmbeddingLibrary
from .text.text import ClipEncoder


class StandaloneLease:
    """Lends a ``LoadedModel``; ``still_loaded`` tells whether the host's model is this one."""

    def __init__(
        self,
        model: LoadedModel,
        *,
        request: LeaseRequest,
        library: EmbeddingLibrary,
        copies: StepCopies | None = None,
        recomputation: Recomputation,
        still_loaded: Callable[[], bool],
    ) -> None:
        self._model = model
        self._request = request
        self._library = library
        self._copies = copies
        self._recomputation = recomputation
        self._still_loaded = still_loaded
        self._prompts = PromptEncoder(model.encoders)
        self._unet = Parking(model.networks.unet, model.device)
        self._vae = Vae(model.networks.vae, scale=model.layout.vae.scale_factor, device=model.device)
        self._nothing_kept = NothingKept(self._vae)

    @property
    def checkpoint(self) -> CheckpointInfo:
        return self._model.info

    @property
    def family(self) -> ModelFamily:
        return self._model.layout.family

    @property
    def schedule(self) -> NoiseSchedule:
        return self._model.schedule

    @property
    def device(self) -> torch.device:
        return self._model.device

    @property
    def encoders(self) -> Mapping[str, ClipEncoder]:
        return self._model.encoders

    @property
    def needs_loss_scaling(self) -> bool:
        return self._model.unet_dtype == torch.float16

    @property
    def clip_skip(self) -> int:
        """As A1111 counts: 1 is the last layer. It means something for SD 1.x only."""
        return self._request.clip_skip or 1

    def encode_images(self, pixels: Tensor) -> LatentMoments:
        """SDXL's U-Net leaves the card meanwhile: beside it a VAE in float32 at 1024 pixels does not fit in 8 GB."""
        self.check()
        if self.family == "sdxl":
            self._unet.park()
        return self._vae.encode(pixels)

    def vae_attention(self, pixels: Tensor) -> VaeAttention:
        self.check()
        if self.family == "sdxl":
            self._unet.park()
        return self._vae.attention(pixels)

    def park_vae(self) -> None:
        self._vae.park()
        self._unet.unpark()

    def unpark(self) -> None:
        """Everything back on its device."""
        self._vae.unpark()
        self._unet.unpark()

    def decode_latents(self, latents: Tensor) -> Tensor:
        self.check()
        return self._vae.decode(latents)

    def encode_prompts(
        self, prompts: Sequence[str], *, embeddings: Mapping[str, Vectors], width: int, height: int
    ) -> Conditioning:
        self.check()
        files = self._library.fitting(self.widths)
        read = self.read_steps(prompts, names={*files, *embeddings})
        return self._prompts.encode(
            read.prompts,
            live={name: self._checked(name, vectors) for name, vectors in embeddings.items()},
            files={**files, **read.vectors} if read.vectors else files,
            clip_skip=self.clip_skip,
            size=(width, height),
            words=read.missing,
        )

    def read_steps(self, prompts: Sequence[str], *, names: Collection[str]) -> ReadPrompts:
        """Read the embeddings that ``name@step`` in them stands for."""
        return read_steps(prompts, self._copies, names=names, widths=self.widths)

    @property
    def widths(self) -> dict[str, int]:
        """The encoders' widths by their keys."""
        return {key: encoder.width for key, encoder in self.encoders.items()}

    def _checked(self, name: str, vectors: Vectors) -> Vectors:
        widths = {key: tensor.shape[-1] for key, tensor in vectors.items()}
        if widths != self.widths:
            raise InputError(f"The embedding {name!r} has widths {widths}; the loaded checkpoint wants {self.widths}.")
        return vectors

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        self.check()
        self._unet.unpark()
        dtype = self._model.unet_dtype
        inputs = noisy.to(self.device, dtype)
        if self._model.layout.unet.inpainting:
            inputs = torch.cat([inputs, self._nothing_kept.beside(noisy).to(inputs)], dim=1)
        vector = conditioning.vector
        return self._model.networks.unet(
            inputs,
            timesteps.to(self.device),
            conditioning.context.to(self.device, dtype),
            class_labels=None if vector is None else vector.to(self.device, dtype),
            return_dict=False,
        )[0].to(torch.promote_types(dtype, torch.float32))

    def recompute_more(self) -> Recompute | None:
        return self._recomputation.more()

    def check(self) -> None:
        if not self._still_loaded():
            raise LeaseError(
                f"The checkpoint {self.checkpoint.name} is no longer the loaded one (another was chosen, or the lease "
                "is over). Load it again and resume the run."
            )

    def picture(self, request: PictureRequest, *, embeddings: Mapping[str, Vectors]) -> Picture:
        self.check()
        return self.picture_maker.picture(request, embeddings=embeddings)

    @property
    def picture_maker(self) -> PictureMaker:
        """Makes pictures, or only their latents, with this lease's model."""
        return PictureMaker(
            lease=self,
            layout=self._model.layout,
            prompts=self._prompts,
            library=self._library,
            clip_skip=self.clip_skip,
            read_steps=self.read_steps,
        )
