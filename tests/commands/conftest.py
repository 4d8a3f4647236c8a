from __future__ import annotations

import pytest
from fake_commands import FakeEngine, FakeHost

import textual_inversion.core.run.train
from textual_inversion.commands import create, demo, generate, resume, train, ui


@pytest.fixture
def host(tmp_path, monkeypatch):
    made = FakeHost(tmp_path / "embeddings")
    made.asked = []

    def standalone_host(arguments, console, *, checkpoint=None, precision=None):
        made.asked.append(arguments.checkpoint or checkpoint)
        return made

    for module in (create, train, resume, generate, ui, demo):
        monkeypatch.setattr(module, "standalone_host", standalone_host)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def engine(monkeypatch):
    made = FakeEngine()
    monkeypatch.setattr(textual_inversion.core.run.train, "train", made)
    return made
