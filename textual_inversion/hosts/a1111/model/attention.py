"""The attention that runs while the model is lent: torch's scaled dot product, differentiable and linear in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ldm.modules.attention
import ldm.modules.diffusionmodules.model
import sgm.modules.attention
import sgm.modules.diffusionmodules.model
from modules import sd_hijack_optimizations

from ...swapped import swapped

_CLASSES = (
    ldm.modules.attention.CrossAttention,
    sgm.modules.attention.CrossAttention,
    ldm.modules.diffusionmodules.model.AttnBlock,
    sgm.modules.diffusionmodules.model.AttnBlock,
)


class Attention:
    """The web UI chooses by patching classes; this does the same, and undoes it.

    Not through its ``apply_optimizations``, which prints, and whose inverse is another choice and not the state before.
    """

    def __init__(self) -> None:
        self._hosts = [vars(kind)["forward"] for kind in _CLASSES]

    @contextmanager
    def differentiable(self) -> Iterator[None]:
        """Inside, all attention is the scaled dot product."""
        cross = sd_hijack_optimizations.scaled_dot_product_attention_forward
        block = sd_hijack_optimizations.sdp_attnblock_forward
        with _forwards([cross, cross, block, block]):
            yield

    @contextmanager
    def hosts(self) -> Iterator[None]:
        """Inside (of ``differentiable``), what the web UI had chosen: for pictures, which have to be as later ones."""
        with _forwards(self._hosts):
            yield


@contextmanager
def _forwards(functions: list[Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for kind, function in zip(_CLASSES, functions, strict=True):
            stack.enter_context(swapped(kind, forward=function))
        yield
