"""Borrowing the loaded model: everything that is other meanwhile, and comes back afterwards. Imported with the first lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ...core.model.host import LeaseRequest
from ..frozen import frozen
from ..hijacked_text.encoders import encoders_of
from ..recompute.recomputation import Recomputation
from .lease import A1111Lease
from .model.attention import Attention
from .model.hypertile import without_hypertile
from .model.medvram import staying_on_device
from .model.model import check_precision, loaded_model
from .model.networks import active_loras, clear_networks
from .model.pinned import Pinned
from .model.vae_choice import chosen_vae
from .pictures import without_tiling


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
        loras = stack.enter_context(active_loras(model, request.loras))
        attention = Attention()
        stack.enter_context(attention.differentiable())
        lease = A1111Lease(
            model,
            request,
            attention=attention,
            loras=loras,
            recomputation=stack.enter_context(Recomputation(model.model.diffusion_model, request.recompute)),
            pinned=Pinned.now(model),
        )
        stack.callback(lease.unpark)
        yield lease
