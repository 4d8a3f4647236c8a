"""One host of each kind of tiny model, made once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import make_tiny_checkpoint

from textual_inversion.hosts.standalone import StandaloneHost

KINDS = {
    "sd1": {"family": "sd1"},
    "sd1-inpainting": {"family": "sd1", "inpainting": True},
    "sd2-v": {"family": "sd2", "prediction": "v_prediction"},
    "sdxl": {"family": "sdxl"},
}


@pytest.fixture(scope="session")
def host_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], StandaloneHost]:
    """`host_of("sd1")` and so on: see `KINDS`. The embeddings folder is empty; use it for reading only."""
    folder = tmp_path_factory.mktemp("models")
    hosts: dict[str, StandaloneHost] = {}

    def get(kind: str) -> StandaloneHost:
        if kind not in hosts:
            path: Path = make_tiny_checkpoint(folder / f"{kind}.safetensors", **KINDS[kind])
            hosts[kind] = StandaloneHost(checkpoint=path, embeddings_dir=folder / "embeddings", device="cpu")
        return hosts[kind]

    return get
