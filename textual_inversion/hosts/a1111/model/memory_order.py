"""The order in which pictures lie in memory inside the U-Net, on a processor.

The web UI's ``SpatialTransformer.forward`` gives its result with the channels last. torch then runs every convolution behind
it in that order, and copies its weights into it, in each pass: of a step of SD 1.5 at 256 pixels a third was such copying.
On a graphics card that is little, and the order one that it likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ldm.modules.attention
import torch
from torch import Tensor, nn


class MemoryOrder:
    """For one model. ``straight`` is for predictions only: pictures are made just as the web UI makes them."""

    def __init__(self, model: Any, device: torch.device) -> None:
        parts: Iterator[nn.Module] = model.model.diffusion_model.modules() if device.type == "cpu" else iter(())
        self._parts = [part for part in parts if isinstance(part, ldm.modules.attention.SpatialTransformer)]

    @contextmanager
    def straight(self) -> Iterator[None]:
        """Inside, what the transformers give lies in torch's usual order: the numbers are the same."""
        with ExitStack() as stack:
            for part in self._parts:
                stack.callback(part.register_forward_hook(_in_usual_order).remove)
            yield


def _in_usual_order(_part: nn.Module, _given: Any, result: Tensor) -> Tensor:
    return result.contiguous()
