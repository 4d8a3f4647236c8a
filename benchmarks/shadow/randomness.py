"""Random numbers of the shadow device: a stream of their own, apart from the CPU's, as those of a card are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from .memory import NAME


class Randomness:
    """The device's default generator. Its numbers are those of a CPU's generator with the same seed, so not those of a card."""

    def __init__(self) -> None:
        self.generator = torch.Generator("cpu")

    def refuse(self, generator: torch.Generator | None) -> None:
        """Raise RuntimeError, as CUDA does, for a generator of another device."""
        if generator is not None:
            raise RuntimeError(f"Expected a '{NAME}' device type for generator but found '{generator.device.type}'")

    def manual_seed(self, seed: int) -> None:
        self.generator.manual_seed(seed)

    def state(self) -> Tensor:
        """Bytes [n], on the CPU."""
        return self.generator.get_state()

    def set_state(self, state: Tensor) -> None:
        self.generator.set_state(state)

    @contextmanager
    def as_global(self) -> Iterator[None]:
        """Inside, torch's global stream on the CPU is the device's: for operations that take no generator (dropout)."""
        before = torch.default_generator.get_state()
        torch.default_generator.set_state(self.generator.get_state())
        try:
            yield
        finally:
            self.generator.set_state(torch.default_generator.get_state())
            torch.default_generator.set_state(before)
