"""The standalone host on the shadow device, the one of `benchmarks/shadow`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
import torch

from benchmarks.shadow.device import ShadowDevice, shadow_device, supported
from textual_inversion.hosts.standalone import host as standalone_host
from textual_inversion.hosts.standalone.device import choose_device

_CHOSEN = {None: "shadow", "auto": "shadow", "shadow": "shadow"}


@contextmanager
def standalone_on_shadow() -> Iterator[ShadowDevice]:
    """Inside, a standalone host that may choose its device takes ``shadow``, as on a machine that has such a card."""
    if not supported():
        pytest.skip("this torch lets no Python register a device")

    def choose(name: str | None = None) -> torch.device:
        return torch.device(_CHOSEN[name]) if name in _CHOSEN else choose_device(name)

    with shadow_device().in_use() as device, patch.object(standalone_host, "choose_device", choose):
        yield device
