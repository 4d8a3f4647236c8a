"""The adapter inside a real SD.Next does what every host has to do.

<the web UI's Python> -m pytest tests/hosts/sdnext --webui-dir <its folder>
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from host_bench import Bench
from host_contract import HostContract

pytestmark = pytest.mark.host

VARIANTS = ("sd1", "sd2", "sd2-eps", "inpainting", "sdxl-wide")
"""Not the SDXL of narrow encoders: the web UI tells encoders apart by their widths."""


@pytest.fixture(scope="module", params=VARIANTS)
def bench(
    request: pytest.FixtureRequest,
    make_bench: Callable[[str, Path], Bench],
    tmp_path_factory: pytest.TempPathFactory,
) -> Bench:
    return make_bench(request.param, tmp_path_factory.mktemp("run"))


class TestSDNext(HostContract):
    emphasis_of_a1111 = False
    """Its own parsers weigh with Compel: what is emphasised moves away from, or towards, an encoding without it."""
    loss_tolerance: ClassVar = {"sdxl-wide": 0.1}
    """SDXL's pooled vector is read of the prompt with an embedding's first vector alone, and at that vector's place: as in its
    pictures (`test_sdxl_pooled_sdnext.py` holds that nothing else differs)."""
