"""The adapter inside a real Forge or Forge Neo does what every host has to do.

<the web UI's Python> -m pytest tests/hosts/test_contract_forge.py --webui-dir <its folder>
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from host_bench import Bench
from host_contract import HostContract
from tiny_variants import VARIANTS

pytestmark = pytest.mark.host


@pytest.fixture(scope="module", params=VARIANTS)
def bench(
    request: pytest.FixtureRequest,
    make_forge_bench: Callable[[str, Path], Bench],
    tmp_path_factory: pytest.TempPathFactory,
) -> Bench:
    return make_forge_bench(request.param, tmp_path_factory.mktemp("run"))


class TestForge(HostContract):
    pass
