"""Computing a part of a U-Net again in the backward pass in place of keeping it: put on one model and taken off again."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any

from torch import nn

from ...core.model.host import Recompute
from ..swapped import swapped
from .blocks import checkpointed, is_block
from .frozen_layers import can_drop_input, without_input
from .selective import Forwards, selective_forwards

_LEVELS: tuple[Recompute, ...] = ("none", "selective", "full")


class Recomputation:
    """``with Recomputation(unet, "selective") as recomputation: ...``; the weights must be frozen inside.

    The model's modules get a ``forward`` of their own meanwhile; leaving takes each of them off.
    """

    def __init__(self, unet: nn.Module, level: Recompute) -> None:
        self._unet = unet
        self.level: Recompute = level
        self._stack = ExitStack()

    def __enter__(self) -> Recomputation:
        self._put_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def more(self) -> Recompute | None:
        """Go to the next level and return it; None where there is none. Not between a forward pass and its backward pass."""
        further = _LEVELS[_LEVELS.index(self.level) + 1 :]
        if not further:
            return None
        self._stack.close()
        self.level = further[0]
        self._put_on()
        return self.level

    def _put_on(self) -> None:
        with ExitStack() as stack:
            for module, forward in _forwards(self._unet, self.level).items():
                stack.enter_context(swapped(module, forward=forward))
            self._stack = stack.pop_all()


def _forwards(unet: nn.Module, level: Recompute) -> Forwards:
    if level == "selective":
        return selective_forwards(unet)
    if level == "full":
        parts: list[Any] = list(unet.modules())
        drop_input = {part: without_input(part) for part in parts if can_drop_input(part)}
        return drop_input | {part: checkpointed(part.forward) for part in parts if is_block(part)}
    return {}
