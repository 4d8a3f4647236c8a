"""Attention that has a backward pass, for as long as the model is lent.

The web UI's choices include attention by hand-written kernels (sage, triton, SDNQ), some of which replace torch's own
function for the whole process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0, FusedAttnProcessor2_0
from modules import devices

from ...swapped import swapped

_DIFFERENTIABLE = (AttnProcessor, AttnProcessor2_0, FusedAttnProcessor2_0)


class Attention:
    """Of one U-Net, as it is when this is made."""

    def __init__(self, unet: Any) -> None:
        self._unet = unet
        self._own = torch.nn.functional.scaled_dot_product_attention
        self._ours = devices.sdpa_original or self._own
        self._processors = {
            module: module.processor
            for module in unet.modules()
            if hasattr(module, "processor") and not isinstance(module.processor, _DIFFERENTIABLE)
        }

    @contextmanager
    def differentiable(self) -> Iterator[None]:
        """Inside, torch's own attention everywhere; leaving puts back what was there."""
        with ExitStack() as stack:
            stack.enter_context(swapped(torch.nn.functional, scaled_dot_product_attention=self._ours))
            for module in self._processors:
                stack.enter_context(swapped(module, processor=AttnProcessor2_0()))
            yield
