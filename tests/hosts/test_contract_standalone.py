"""The standalone host does what every host has to do."""

from __future__ import annotations

import pytest
from host_bench import Bench
from host_contract import HostContract
from tiny_variants import VARIANTS

from textual_inversion.hosts.standalone import StandaloneHost

_LARGE = pytest.param("sdxl-wide", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=[*(name for name in VARIANTS if name != "sdxl-wide"), _LARGE])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp(request.param)
    path = VARIANTS[request.param].write(folder)
    host = StandaloneHost(embeddings_dir=folder / "embeddings", checkpoint=path, device="cpu")
    return Bench(host=host, variant=request.param, folder=folder / "run", modules=lambda: host.load().modules())


class TestStandalone(HostContract):
    pass
