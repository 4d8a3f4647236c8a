"""The standalone host does what every host has to do."""

from __future__ import annotations

import pytest
from host_contract import FAMILIES, Bench, HostContract
from tiny_checkpoint import write_tiny_checkpoint
from tiny_sdxl import write_tiny_sdxl

from textual_inversion.hosts.standalone import StandaloneHost


@pytest.fixture(scope="module", params=FAMILIES)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp(request.param)
    path = write_tiny_sdxl(folder) if request.param == "sdxl" else write_tiny_checkpoint(folder, request.param)
    host = StandaloneHost(embeddings_dir=folder / "embeddings", checkpoint=path, device="cpu")
    return Bench(host=host, family=request.param, folder=folder / "run", modules=lambda: host.load().modules())


class TestStandalone(HostContract):
    pass
