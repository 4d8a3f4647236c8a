"""Borrowing the loaded model: everything that is other meanwhile, and comes back afterwards. Imported with the first lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from ldm_patched.ldm.modules import attention
from ldm_patched.modules import model_management

from ...core.base.errors import LeaseError
from ...core.model.host import OWN_VAE, LeaseRequest
from ..forge_objects.parts import STEP, Parts
from ..frozen import frozen
from ..swapped import swapped
from .lease import ReforgeLease
from .model.loaded import check_precision, loaded_model, text_of, unet_of, vae_of
from .model.pinned import Pinned


@contextmanager
def lent(request: LeaseRequest) -> Iterator[ReforgeLease]:
    """Raises LeaseError where the loaded model cannot be trained on, or not in the way asked for.

    LoRAs of the last picture are out, since the parts are brought by the patchers that have none; the next picture brings its
    own, by its prompt.
    """
    model = loaded_model()
    check_precision(model, request)
    if request.loras:
        raise LeaseError(
            "In this web UI no LoRA can be active while a run trains yet. Leave LoRAs empty.", field="lora"
        )
    if request.vae and request.vae != OWN_VAE:
        raise LeaseError(
            "Another VAE for one run alone cannot be had in this web UI. Choose it under Settings > VAE, and leave the field empty.",
            field="vae",
        )
    with ExitStack() as stack:
        stack.enter_context(frozen([unet_of(model), text_of(model), vae_of(model)]))
        parts = Parts(
            model.forge_objects_original,
            recompute=request.recompute,
            load=model_management.load_models_gpu,
            attention=_differentiable_attention,
        )
        stack.callback(parts.release)
        parts.need(*STEP)
        yield ReforgeLease(model, request, parts=parts, pinned=Pinned.now(model))


def _differentiable_attention() -> AbstractContextManager[None]:
    """Inside, it is torch's: others may have no backward pass (Sage, Flash), or keep more for it. Previews run with what was chosen."""
    torchs = attention.attention_pytorch
    return swapped(attention, optimized_attention=torchs, optimized_attention_masked=torchs)
