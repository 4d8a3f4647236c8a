"""Live vectors at the web UI's lookup, with stand-ins for its modules: they are on its device, wherever they come from."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

LIVE = "textual_inversion.hosts.hijacked_text.live"


class HostEmbedding:
    def __init__(self, vec, name):
        self.vec, self.name = vec, name


@pytest.fixture
def live(monkeypatch):
    """The adapter's module beside a web UI whose model is on another device (``meta``, as there is one on every machine)."""
    modules = ModuleType("modules")
    modules.devices = SimpleNamespace(device=torch.device("meta"))
    modules.sd_hijack = SimpleNamespace()
    folder, inner = ModuleType("modules.textual_inversion"), ModuleType("modules.textual_inversion.textual_inversion")
    inner.Embedding = HostEmbedding
    for module in (modules, folder, inner):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, LIVE, raising=False)
    yield importlib.import_module(LIVE)
    sys.modules.pop(LIVE, None)


@pytest.mark.parametrize("widths", [{"clip_l": 768}, {"clip_l": 768, "clip_g": 1280}], ids=["sd1", "sdxl"])
def test_rows_from_a_file_are_moved_to_the_model_s_device(live, widths):
    """The web UI concatenates them with the looked-up tokens and changes their type only: files and references are on the CPU."""
    vec = live.host_embedding("name", {key: torch.zeros(2, width) for key, width in widths.items()}).vec
    tensors = list(vec.values()) if isinstance(vec, dict) else [vec]
    assert [(tensor.device.type, *tensor.shape) for tensor in tensors] == [
        ("meta", 2, each) for each in widths.values()
    ]


def test_rows_that_are_there_already_stay_the_leaf_that_learns(live):
    rows = torch.zeros(2, 768, device="meta", requires_grad=True)
    assert live.host_embedding("name", {"clip_l": rows}).vec is rows
