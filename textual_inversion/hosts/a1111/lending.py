"""Borrowing the loaded model: everything that is other meanwhile, and comes back afterwards. Imported with the first lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ldm.modules.attention
import ldm.modules.diffusionmodules.openaimodel
import sgm.modules.attention
import sgm.modules.diffusionmodules.openaimodel
from torch import nn

from ...core.model.host import LeaseRequest
from ..checkpointing import checkpointed
from ..frozen import frozen
from .lease import A1111Lease
from .model.attention import Attention
from .model.hypertile import without_hypertile
from .model.medvram import staying_on_device
from .model.model import check_precision, loaded_model
from .model.networks import clear_networks
from .model.pinned import Pinned
from .model.vae_choice import chosen_vae
from .pictures import without_tiling
from .text.text import encoders_of

_BLOCKS = (
    ldm.modules.attention.BasicTransformerBlock,
    ldm.modules.diffusionmodules.openaimodel.ResBlock,
    sgm.modules.attention.BasicTransformerBlock,
    sgm.modules.diffusionmodules.openaimodel.ResBlock,
)


@contextmanager
def lent(request: LeaseRequest) -> Iterator[A1111Lease]:
    """Raises LeaseError where the loaded model cannot be trained on, or not in the precision asked for."""
    model = loaded_model()
    check_precision(request)
    encoders_of(model)
    with ExitStack() as stack:
        stack.enter_context(staying_on_device(model))
        clear_networks(model)
        stack.enter_context(chosen_vae(model, request.vae))
        stack.enter_context(without_tiling())
        stack.enter_context(without_hypertile(model))
        stack.enter_context(frozen([model]))
        attention = Attention()
        stack.enter_context(attention.differentiable())
        if request.checkpointing:
            stack.enter_context(checkpointed(_blocks(model)))
        lease = A1111Lease(model, request, attention=attention, pinned=Pinned.now(model))
        stack.callback(lease.unpark)
        yield lease


def _blocks(model: Any) -> list[nn.Module]:
    return [part for part in model.model.diffusion_model.modules() if isinstance(part, _BLOCKS)]
