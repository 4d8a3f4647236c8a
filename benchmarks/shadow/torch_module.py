"""``torch.shadow``: what torch and programs ask of a device's module, as they ask ``torch.cuda``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from .memory import NAME, Memory
from .randomness import Randomness

Device = torch.device | str | int | None
_TOTAL = 24 * 10**9
"""Bytes of a card, where no limit was set."""


@dataclass(frozen=True)
class Properties:
    """Of the only card."""

    name: str
    total_memory: int
    major: int = 8
    minor: int = 0


class ShadowModule:
    """One card, number 0."""

    Stream, Event = torch.Stream, torch.Event
    _initialized = True  # else torch.utils.checkpoint keeps no states of its random numbers

    def __init__(self, memory: Memory, randomness: Randomness, wait: Callable[[], None]) -> None:
        self._memory, self._randomness, self._wait = memory, randomness, wait

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return True

    def _is_in_bad_fork(self) -> bool:
        return False

    def init(self) -> None:
        """Nothing has to be begun."""

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def set_device(self, device: Device) -> None:
        """Nothing: there is one card."""

    def device(self, device: Device) -> AbstractContextManager[None]:
        return nullcontext()

    def get_device_properties(self, device: Device = None) -> Properties:
        return Properties(name=self.get_device_name(), total_memory=self._memory.limit or _TOTAL)

    def get_device_name(self, device: Device = None) -> str:
        return "Shadow of a card"

    def get_device_capability(self, device: Device = None) -> tuple[int, int]:
        return 8, 0

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.float16, torch.bfloat16]

    def is_bf16_supported(self, including_emulation: bool = True) -> bool:
        return True

    def synchronize(self, device: Device = None) -> None:
        self._wait()

    def current_stream(self, device: Device = None) -> torch.Stream:
        return torch.Stream(NAME)

    @contextmanager
    def stream(self, stream: torch.Stream | None) -> Iterator[None]:
        """One stream is as good as another here."""
        yield

    def manual_seed(self, seed: int) -> None:
        self._randomness.manual_seed(seed)

    def manual_seed_all(self, seed: int) -> None:
        self._randomness.manual_seed(seed)

    def initial_seed(self) -> int:
        return self._randomness.generator.initial_seed()

    def get_rng_state(self, device: Device = NAME) -> Tensor:
        return self._randomness.state()

    def get_rng_state_all(self) -> list[Tensor]:
        return [self._randomness.state()]

    def set_rng_state(self, new_state: Tensor, device: Device = NAME) -> None:
        self._randomness.set_state(new_state)

    def set_rng_state_all(self, new_states: list[Tensor]) -> None:
        self._randomness.set_state(new_states[0])

    def memory_allocated(self, device: Device = None) -> int:
        return self._memory.ledger.held

    def max_memory_allocated(self, device: Device = None) -> int:
        return self._memory.ledger.peak

    def memory_reserved(self, device: Device = None) -> int:
        return self._memory.ledger.held

    def reset_peak_memory_stats(self, device: Device = None) -> None:
        self._memory.ledger.reset_peak()

    def mem_get_info(self, device: Device = None) -> tuple[int, int]:
        """Bytes free, and in all."""
        total = self._memory.limit or _TOTAL
        return total - self._memory.ledger.held, total

    def empty_cache(self) -> None:
        """Nothing is kept back."""

    def ipc_collect(self) -> None:
        """No memory is shared with other processes."""
