"""Hosts whose lease goes wrong in the middle of a run, in each of the ways that a run can end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from textual_inversion.core.base.control import Control
from textual_inversion.core.model.host import Host, Lease, LeaseRequest

STEP = 3
"""At which prediction it happens: some steps were done, and a preview was made."""

Happening = Callable[[Control, torch.Tensor], torch.Tensor]


def interrupted(control: Control, predicted: torch.Tensor) -> torch.Tensor:
    control.interrupt()
    return predicted


def fails(control: Control, predicted: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("a fault in the middle")


def out_of_memory(control: Control, predicted: torch.Tensor) -> torch.Tensor:
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def not_a_number(control: Control, predicted: torch.Tensor) -> torch.Tensor:
    return predicted * float("nan")


ENDINGS: dict[str, tuple[Happening | None, str, int]] = {
    "success": (None, "done", 0),
    "interrupt": (interrupted, "interrupted", 130),
    "exception": (fails, "failed", 1),
    "out of memory": (out_of_memory, "failed", 4),
    "NaN": (not_a_number, "failed", 3),
}
"""What happens, and the outcome and exit code that a run has then."""


class Disturbed:
    """A host, to which it happens from prediction ``STEP`` on. All else is the host's."""

    def __init__(self, host: Host, happening: Happening | None, control: Control) -> None:
        self._host, self._happening, self._control = host, happening, control

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[Any]:
        with self._host.lease(request) as lease:
            yield lease if self._happening is None else _DisturbedLease(lease, self._happening, self._control)


class _DisturbedLease:
    def __init__(self, lease: Lease, happening: Happening, control: Control) -> None:
        self._lease, self._happening, self._control, self._count = lease, happening, control, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lease, name)

    def predict(self, *arguments: Any) -> torch.Tensor:
        predicted = self._lease.predict(*arguments)
        self._count += 1
        return predicted if self._count < STEP else self._happening(self._control, predicted)
