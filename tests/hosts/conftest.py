"""An installed AUTOMATIC1111 in this process (`--webui-dir`), shared by the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from host_bench import Bench

Load = Callable[[str], Any]


@pytest.fixture(scope="session")
def load(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Loads the tiny checkpoint of that name into the web UI and returns the model."""
    folder = request.config.getoption("--webui-dir")
    if not folder:
        pytest.skip("no --webui-dir")
    sys.path.insert(0, str(Path(__file__).parent))
    import a1111_process

    a1111_process.start(Path(folder).resolve(), tmp_path_factory.mktemp("a1111"))
    return a1111_process.load


@pytest.fixture(scope="session")
def webui(load: Load) -> Any:
    from textual_inversion.hosts.detect import detect

    return detect()


@pytest.fixture(scope="session")
def make_bench(load: Load, webui: Any) -> Callable[[str, Path], Bench]:
    """The web UI with a tiny checkpoint, and a folder for what is written."""
    import a1111_process

    def make(variant: str, folder: Path) -> Bench:
        model = load(variant)
        return Bench(
            host=webui.host, variant=variant, folder=folder, modules=lambda: [model], state=a1111_process.state
        )

    return make


@pytest.fixture
def sd1(make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    return make_bench("sd1", tmp_path)
