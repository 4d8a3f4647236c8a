"""Everything that is other about the model while it is lent; given back, and taken again, around each preview."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ...core.model.host import LeaseRequest, Recompute
from ..frozen import frozen
from ..inference_views import ordinary_weights
from ..recompute.recomputation import Recomputation
from ..swapped import swapped
from .model.attention import Attention
from .model.networks import clear_networks, known_loras, switch_on, without_freeu, without_tiling
from .model.offload import on_device
from .model.pipeline import parts_of


class Loan:
    """``with Loan(pipe, request) as loan: ...``. LoRAs of the last picture are not put back: each puts in what its prompt names."""

    def __init__(self, pipe: Any, request: LeaseRequest) -> None:
        self._pipe = pipe
        self._level: Recompute = request.recompute
        self.loras = known_loras(request.loras)
        self._taken = ExitStack()

    def __enter__(self) -> Loan:
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        self._taken.close()

    def recompute_more(self) -> Recompute | None:
        further = self._recomputation.more()
        self._level = further or self._level
        return further

    @contextmanager
    def returned(self) -> Iterator[None]:
        """Inside, the model is as the web UI had it, but for LoRAs."""
        self._taken.close()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        pipe, parts = self._pipe, parts_of(self._pipe)
        with ExitStack() as stack:
            clear_networks()
            if self.loras:
                stack.callback(clear_networks)
                switch_on(self.loras)
            stack.enter_context(on_device(pipe))
            stack.enter_context(without_tiling(pipe))
            stack.enter_context(without_freeu(pipe.unet))
            stack.enter_context(swapped(pipe.vae, use_slicing=False, use_tiling=False))
            # Flags of what the web UI owns; then its tensors, where they were made in its inference mode.
            stack.enter_context(frozen(parts))
            stack.enter_context(ordinary_weights(parts))
            stack.enter_context(Attention(pipe.unet).differentiable())
            self._recomputation = stack.enter_context(Recomputation(pipe.unet, self._level))
            self._taken = stack.pop_all()
