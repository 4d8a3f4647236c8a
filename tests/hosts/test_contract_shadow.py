"""The standalone host does what every host has to do on a device that is not the CPU, in float32 and in float16."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from host_bench import Bench
from host_contract import HostContract
from shadow_host import standalone_on_shadow
from tiny_variants import VARIANTS

from textual_inversion.hosts.standalone import StandaloneHost

_LOOSE = {"float32": 1.0, "float16": 1000.0}
_NAMES = [name for name in VARIANTS if name != "sdxl-wide"]
_CASES = [(name, "float32") for name in _NAMES] + [(name, "float16") for name in ("sd1", "sd2", "sdxl")]


@pytest.fixture(scope="module", params=_CASES, ids="-".join)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    variant, precision = request.param
    folder = tmp_path_factory.mktemp(variant)
    path = VARIANTS[variant].write(folder)
    with standalone_on_shadow():
        host = StandaloneHost(embeddings_dir=folder / "embeddings", checkpoint=path, precision=precision)
        assert host.device.type == "shadow"
        yield Bench(
            host=host,
            variant=variant,
            folder=folder / "run",
            modules=lambda: host.load().modules(),
            looseness=_LOOSE[precision],
        )


class TestStandaloneOnShadow(HostContract):
    pass
