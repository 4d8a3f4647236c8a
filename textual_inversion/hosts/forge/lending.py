"""Borrowing the loaded engine: everything that is other meanwhile, and comes back afterwards. Imported with the first lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from backend import memory_management

from ...core.model.host import LeaseRequest
from ..forge_objects.parts import STEP, Parts
from ..frozen import frozen
from ..webui_page.loras import known_weights
from .lease import ForgeLease
from .model.attention import differentiable
from .model.engine import check_precision, ready_engine, text_of, unet_of, vae_of
from .model.loras import patchers_with
from .model.pinned import Pinned
from .model.vae_choice import chosen_vae
from .pictures import without_tiling


@contextmanager
def lent(request: LeaseRequest) -> Iterator[ForgeLease]:
    """Raises LeaseError where the chosen checkpoint cannot be trained on, or not in the precision asked for.

    LoRAs of the last picture are out, since the parts are brought by patchers that have none but those of the run; the next picture
    brings its own, by its prompt.
    """
    engine = ready_engine()
    check_precision(engine, request)
    loras = known_weights(request.loras)
    with ExitStack() as stack:
        stack.enter_context(chosen_vae(engine, request.vae))
        stack.enter_context(without_tiling(engine))
        stack.enter_context(frozen([unet_of(engine), text_of(engine), vae_of(engine)]))
        parts = Parts(
            engine.forge_objects_original,
            recompute=request.recompute,
            load=memory_management.load_models_gpu,
            attention=differentiable,
            advice='Raise "GPU Weights" at the top of the page or close what else uses the card',
            with_loras=patchers_with(engine, loras),
        )
        stack.callback(parts.give_back)
        parts.need(*STEP)
        yield ForgeLease(engine, request, parts=parts, loras=loras, pinned=Pinned.now(engine))
