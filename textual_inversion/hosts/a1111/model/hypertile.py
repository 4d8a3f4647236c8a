"""Hypertile, which comes with the web UI, computes attention in tiles. What the last picture switched on stays on in the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ...swapped import swapped

_SETTINGS = "__webui_hypertile_params"
"""On each layer that it has wrapped."""


@contextmanager
def without_hypertile(model: Any) -> Iterator[None]:
    """Inside, whole attention: training on tiles, cut at random, would learn from other predictions than pictures have."""
    with ExitStack() as stack:
        for part in model.modules():
            if (settings := vars(part).get(_SETTINGS)) is not None:
                stack.enter_context(swapped(settings, enabled=False))
        yield
