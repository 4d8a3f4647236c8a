"""Borrowing the loaded engine: everything that is other meanwhile, and comes back afterwards. Imported with the first lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ...core.base.errors import LeaseError
from ...core.model.host import LeaseRequest
from ..frozen import frozen
from .lease import ForgeLease
from .model.engine import check_precision, ready_engine, text_of, unet_of, vae_of
from .model.parts import STEP, Parts
from .model.pinned import Pinned
from .model.vae_choice import chosen_vae
from .pictures import without_tiling


@contextmanager
def lent(request: LeaseRequest) -> Iterator[ForgeLease]:
    """Raises LeaseError where the chosen checkpoint cannot be trained on, or not in the precision asked for.

    LoRAs of the last picture are out, since the parts are brought by the patchers that have none; the next picture brings its
    own, by its prompt.
    """
    engine = ready_engine()
    check_precision(engine, request)
    if request.loras:
        raise LeaseError(
            "In this web UI no LoRA can be active while a run trains yet. Leave LoRAs empty.", field="lora"
        )
    with ExitStack() as stack:
        stack.enter_context(chosen_vae(engine, request.vae))
        stack.enter_context(without_tiling(engine))
        stack.enter_context(frozen([unet_of(engine), text_of(engine), vae_of(engine)]))
        parts = Parts(engine, recompute=request.recompute)
        stack.callback(parts.release)
        parts.need(*STEP)
        yield ForgeLease(engine, request, parts=parts, pinned=Pinned.now(engine))
