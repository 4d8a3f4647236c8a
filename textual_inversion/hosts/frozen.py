"""Weights that ask for no gradient while they are lent, whatever they asked for before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def frozen(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, no weight asks for a gradient and every module is in eval mode; leaving puts each flag back."""
    flags = [(weight, weight.requires_grad) for module in modules for weight in module.parameters()]
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for weight, _ in flags:
            _set(weight, False)
        for part, _ in modes:
            part.training = False  # not eval(): LDM replaces train() of the VAE with one that does nothing
        yield
    finally:
        for weight, flag in flags:
            _set(weight, flag)
        for part, mode in modes:
            part.training = mode


def _set(weight: nn.Parameter, flag: bool) -> None:
    """Weights that were made in inference mode can be marked only there."""
    with torch.inference_mode(weight.is_inference()):
        weight.requires_grad_(flag)
