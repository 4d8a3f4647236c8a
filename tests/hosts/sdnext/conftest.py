"""An installed SD.Next in this process (`--webui-dir`), shared by the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from host_bench import Bench

sys.path.insert(0, str(Path(__file__).parent))

Load = Callable[[str], Any]


@pytest.fixture(scope="session")
def load(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Loads the tiny checkpoint of that name into the web UI and returns the pipeline."""
    folder = request.config.getoption("--webui-dir")
    if not folder or not (Path(folder) / "modules" / "prompt_parser_diffusers.py").is_file():
        pytest.skip("no --webui-dir of an SD.Next")
    import sdnext_process

    sdnext_process.start(Path(folder).resolve(), tmp_path_factory.mktemp("sdnext"))
    return sdnext_process.load


@pytest.fixture(scope="session")
def make_bench(load: Load) -> Callable[[str, Path], Bench]:
    """The web UI with a tiny checkpoint, and a folder for what is written."""
    import sdnext_process

    from textual_inversion.hosts.sdnext.host import SDNextHost

    host = SDNextHost()

    def make(variant: str, folder: Path) -> Bench:
        load(variant)
        return Bench(
            host=host,
            variant=variant,
            folder=folder,
            modules=sdnext_process.parts,
            state=sdnext_process.state,
            vocabulary=49408,
        )

    return make


@pytest.fixture
def sd1(make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    return make_bench("sd1", tmp_path)
