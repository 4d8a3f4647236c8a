"""Blocks of a U-Net that keep no activations, but compute them again in the backward pass.

Web UIs patch such a function into the classes of the blocks; theirs differentiates with respect to the weights, which
fails (or costs a second model) where these are frozen. This one is put on the blocks of one model, and taken off again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from .swapped import swapped


@contextmanager
def checkpointed(blocks: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, each block's ``forward`` is checkpointed. Nothing random may happen in a block (dropout is off in eval)."""
    with ExitStack() as stack:
        for block in blocks:
            stack.enter_context(swapped(block, forward=_recomputed(block.forward)))
        yield


def _recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def again(*inputs: Any, **options: Any) -> Any:
        return checkpoint(forward, *inputs, use_reentrant=False, preserve_rng_state=False, **options)

    return again
