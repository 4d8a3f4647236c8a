"""The self-attention in the middle of the VAE's encoder, as a picture sets it."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

_ROWS = 1024
"""Rows of the attention matrix at a time: at 1024 pixels the whole of it has 268 million numbers."""


@dataclass(frozen=True, kw_only=True)
class VaeAttention:
    """Queries and keys of the self-attention in the middle of the VAE's encoder, [h * w, C] each, float32."""

    queries: torch.Tensor
    keys: torch.Tensor

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """``softmax(q k / sqrt(C)) values``, [h * w]."""
        scale = 1 / math.sqrt(self.queries.shape[1])
        rows = self.queries.split(_ROWS)
        return torch.cat([torch.softmax(scale * part @ self.keys.T, dim=1) @ values for part in rows])


class Recorded:
    """Result of ``recorded``."""

    def __init__(self) -> None:
        self.outputs: list[torch.Tensor] = []

    @property
    def attention(self) -> VaeAttention:
        queries, keys = map(_rows, self.outputs[-2:])  # the last ones: a host encodes again where float16 overflowed
        return VaeAttention(queries=queries, keys=keys)


@contextmanager
def recorded(to_queries: nn.Module, to_keys: nn.Module) -> Generator[Recorded]:
    """Keeps what the two layers give while one picture is encoded inside the block; the layers are as before afterwards."""
    seen = Recorded()

    def note(_layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        """``output``: LDM's [1, C, h, w] or diffusers' [1, h * w, C]."""
        seen.outputs.append(output)

    hooks = [layer.register_forward_hook(note) for layer in (to_queries, to_keys)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _rows(output: torch.Tensor) -> torch.Tensor:
    """[h * w, C] from LDM's [1, C, h, w] or diffusers' [1, h * w, C]."""
    rows = output[0].flatten(1).T if output.dim() == 4 else output[0]
    return rows.detach().float()
