"""The parts of a U-Net that are cheap to compute again, found by their structure in any host's model.

- A group norm and the activation after it: of both only the norm's input is kept.
- A transformer's feed-forward part: of the last layer norm and GEGLU only the norm's input, where torch keeps 13 times as much.
  Its projection is the one product of matrices that is made twice.
- Each convolution: nothing at all.

What stays is the residual stream, the inputs and the output of attention, and a residual block's input and middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from .frozen_layers import Run, can_drop_input, made_again, without_input

Forwards = dict[nn.Module, Callable[..., Any]]
"""By module, the function that stands in place of its own ``forward``."""

_NORMS = ("norm1", "norm2")
_ACTIVATIONS = (nn.SiLU,)


def selective_forwards(unet: nn.Module) -> Forwards:
    """For the modules of a U-Net whose weights are frozen."""
    found: Forwards = {}
    for part in unet.modules():
        for norm, activation in _pairs(part):
            found[norm] = made_again(_after(norm.forward, activation.forward))
            found[activation] = _done_already(activation.forward)
        for norm, gate in _feed_forwards(part):
            found[gate] = made_again(_after(norm.forward, gate.forward))
            found[norm] = _nothing
        if can_drop_input(part):
            found[part] = without_input(part)
    return found


def _pairs(part: nn.Module) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Group norms with the activation that their output goes into, and nothing else does."""
    if isinstance(part, nn.Sequential):  # LDM's residual blocks and its last layers
        for norm, activation in pairwise(part):
            if isinstance(norm, nn.GroupNorm) and isinstance(activation, _ACTIVATIONS):
                yield norm, activation
    elif type(part).__name__ == "ResnetBlock2D" and getattr(part, "time_embedding_norm", "") == "default":  # diffusers'
        activation = part.nonlinearity
        for name in _NORMS:
            if isinstance(getattr(part, name), nn.GroupNorm) and isinstance(activation, _ACTIVATIONS):
                yield getattr(part, name), activation


def _feed_forwards(part: nn.Module) -> Iterator[tuple[nn.Module, nn.Module]]:
    """The last norm of a transformer block with its GEGLU; both have the same names in LDM and in diffusers."""
    norm, feed_forward = getattr(part, "norm3", None), getattr(part, "ff", None)
    if type(part).__name__ != "BasicTransformerBlock" or not isinstance(norm, nn.LayerNorm):
        return
    if getattr(part, "norm_type", "layer_norm") != "layer_norm" or getattr(part, "_chunk_size", None) is not None:
        return  # other kinds of diffusers' block, which do more between the two
    gate = next(iter(getattr(feed_forward, "net", ())), None)
    if type(gate).__name__ == "GEGLU":
        yield norm, gate


def _after(first: Run, second: Run) -> Run:
    return lambda x: second(first(x))


def _done_already(activation: Run) -> Run:
    """Lets pictures [B, C, h, w] through, which come from a norm that has applied it; diffusers' blocks use theirs for the embedding of the timestep [B, C] too."""
    return lambda x: x if x.dim() == 4 else activation(x)


def _nothing(x: Tensor) -> Tensor:
    return x
