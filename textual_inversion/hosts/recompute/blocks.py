"""Blocks of a U-Net that keep no activations, but compute them again in the backward pass.

Web UIs patch such a function into the classes of the blocks; theirs differentiates with respect to the weights, which
fails (or costs a second model) where these are frozen. This one is put on the blocks of one model, and taken off again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

_BLOCKS = ("ResnetBlock2D", "ResBlock", "BasicTransformerBlock")
"""By class name, since each web UI brings classes of its own: diffusers' and LDM's residual blocks, the transformer's of both."""


def is_block(part: nn.Module) -> bool:
    """Tell whether a part of a U-Net is one of the blocks that are computed again as a whole."""
    return type(part).__name__ in _BLOCKS


def checkpointed(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A block's ``forward``, checkpointed. Nothing random may happen in a block (dropout is off in eval)."""

    def again(*inputs: Any, **options: Any) -> Any:
        return checkpoint(forward, *inputs, use_reentrant=False, preserve_rng_state=False, **options)

    return again
