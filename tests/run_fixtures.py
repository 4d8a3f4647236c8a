"""A run manager over a training that is played, for the tests of runs, library and web."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_training import FakeHost, FakeTraining

from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


@pytest.fixture
def training() -> FakeTraining:
    return FakeTraining(seconds=0.002)


@pytest.fixture
def gate() -> FifoGate:
    return FifoGate()


@pytest.fixture
def manager(host: FakeHost, gate: FifoGate, training: FakeTraining, tmp_path: Path):
    manager = RunManager(host, gate, train=training, log_dirs=[tmp_path / "logs"])
    yield manager
    manager.close(5)


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    """A run that goes on until someone ends it."""
    return TrainConfig(name="cat", data=("pictures",), steps=100_000, log_dir=str(tmp_path / "logs"), image_every=5)
