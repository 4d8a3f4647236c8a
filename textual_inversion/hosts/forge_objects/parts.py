"""U-Net, text encoders and VAE of a model with ``forge_objects``: brought to their devices, and made fit for a backward pass there.

Such web UIs load and move weights in inference mode, add in place and switch gradients off; one that does none of it is left as
it is. As every load or picture may move the weights again, the change is taken back before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import nn

from ...core.base.errors import LeaseError
from ...core.model.host import Recompute
from ..differentiable import cloned_inputs, forward_on_copies, nothing_in_place, with_gradient
from ..inference_views import ordinary_weights
from ..recompute.recomputation import Recomputation

Part = Literal["unet", "text", "vae"]
STEP: tuple[Part, ...] = ("text", "unet")
"""Parts that every step needs."""

_ADDED_TO = ("norm1", "norm2")
"""Norms of a transformer block whose input its ``forward`` may add to in place."""


class Parts:
    """Those of ``objects``, the model without any LoRA. ``recompute``: how much of the U-Net is computed again in backward passes.

    ``load`` is the web UI's ``load_models_gpu``; inside ``attention()`` its attention can be differentiated; ``advice``
    is what helps where the card is too small. ``with_loras``: patchers of the U-Net and of the text encoders that put LoRAs into the
    weights when they are brought, until the model's own are.
    """

    def __init__(
        self,
        objects: Any,
        *,
        recompute: Recompute,
        load: Callable[..., Any],
        attention: Callable[[], AbstractContextManager[Any]],
        advice: str = "Close what else uses the card",
        with_loras: tuple[Any, Any] | None = None,
    ) -> None:
        self._load, self._attention, self._advice = load, attention, advice
        own = {"unet": objects.unet, "text": objects.clip.patcher, "vae": objects.vae.patcher}
        self._own: dict[Part, Any] = own
        unet, text = with_loras or (objects.unet, objects.clip.patcher)
        self._patchers: dict[Part, Any] = {**own, "unet": unet, "text": text}
        self._modules: dict[Part, nn.Module] = {
            "unet": objects.unet.model.diffusion_model,
            "text": objects.clip.cond_stage_model,
            "vae": objects.vae.first_stage_model,
        }
        self._recompute: Recompute = recompute
        self._recomputation: Recomputation | None = None
        self._ready: frozenset[Part] = frozenset()
        self._changes = ExitStack()

    def need(self, *names: Part, alone: bool = False) -> None:
        """Have these where they work, with gradients; ``alone``: the others may leave the card.

        Raises LeaseError where the card has not enough room for them.
        """
        wanted = frozenset(names) | (frozenset() if alone else self._ready)
        if self._ready >= wanted and not (alone and self._ready != wanted):
            return
        self.release()
        self._bring(wanted)
        with ExitStack() as stack:
            self._change(stack, wanted)
            self._changes = stack.pop_all()
        self._ready = wanted

    def drop(self, name: Part) -> None:
        """It is not needed for now: what is needed next may take its place on the card."""
        if name in self._ready:
            rest = self._ready - {name}
            self.release()
            if rest:
                self.need(*rest)

    def recompute_more(self) -> Recompute | None:
        """Go to the next level and return it; None where there is none."""
        self.need(*STEP)
        further = self._recomputation.more() if self._recomputation else None
        self._recompute = further or self._recompute
        return further

    def release(self) -> None:
        """Everything as the web UI has it, to the very objects."""
        self._ready, self._recomputation = frozenset(), None
        self._changes.close()

    def give_back(self) -> None:
        """Everything as the web UI has it, and no LoRA of ours in the weights."""
        self.release()
        if mixed := [own for name, own in self._own.items() if self._patchers[name] is not own]:
            self._put(mixed)

    def _bring(self, names: Collection[Part]) -> None:
        self._put([self._patchers[name] for name in names])
        for name in names:
            if len({weight.device for weight in self._modules[name].parameters()}) > 1:
                raise LeaseError(
                    "The model does not fit on the card as a whole: a part of it would be fetched for every layer, which cannot be "
                    f"trained with. {self._advice}, choose smaller pictures, or train a smaller checkpoint."
                )

    def _put(self, patchers: Sequence[Any]) -> None:
        """In inference mode, as these web UIs do it, so that they find their own kind of tensors; as a whole, where one may say so."""
        whole = {"force_full_load": True} if "force_full_load" in inspect.signature(self._load).parameters else {}
        with torch.inference_mode():
            self._load(patchers, **whole)

    def _change(self, stack: ExitStack, names: Collection[Part]) -> None:
        stack.enter_context(ordinary_weights([self._modules[name] for name in names]))
        stack.enter_context(self._attention())
        if "vae" in names:
            inside = list(self._modules["vae"].modules())
            stack.enter_context(with_gradient(inside))
            stack.enter_context(nothing_in_place(inside))
        if "unet" in names:
            unet = self._modules["unet"]
            blocks = [part for part in unet.modules() if all(hasattr(part, name) for name in _ADDED_TO)]
            stack.enter_context(cloned_inputs([getattr(block, name) for block in blocks for name in _ADDED_TO]))
            stack.enter_context(forward_on_copies(blocks))
            self._recomputation = stack.enter_context(Recomputation(unet, self._recompute))

    @contextmanager
    def hosts(self) -> Iterator[None]:
        """Inside, everything is the web UI's, for a picture of its own; afterwards brought again when it is needed."""
        self.release()
        yield
