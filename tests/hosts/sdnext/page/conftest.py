"""One SD.Next as a process of its own for all tests of this folder, demo pictures, and a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import EXECUTABLE, launched
from webui_server import python_of

from textual_inversion.demo.concepts import write_concept

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    given = request.config.getoption("--webui-dir")
    if not given or not (Path(given) / "modules" / "prompt_parser_diffusers.py").is_file():
        pytest.skip("no --webui-dir of an SD.Next")
    from sdnext_server import SDNextServer, data_folder

    installation = Path(given).resolve()
    python = Path(request.config.getoption("--webui-python") or python_of(installation))
    server = SDNextServer(installation, data_folder(tmp_path_factory.mktemp("data") / "sdnext"), python)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def pictures(server: Any) -> Path:
    """Eight captioned pictures of something that the demo checkpoint has no word for."""
    folder = server.folder / "pictures"
    write_concept(folder)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if EXECUTABLE is None:
        pytest.skip("no Chromium is installed")
    with launched() as browser:
        yield browser


@pytest.fixture
def window(browser: Any, server: Any, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Opens windows, whose last sight is kept as a picture; what our scripts got wrong fails the test."""
    from sdnext_server import SDNextWindow

    opened: list[Any] = []

    def open_window() -> Any:
        opened.append(SDNextWindow(browser, server.url))
        return opened[-1]

    yield open_window
    errors = [error for each in opened for error in each.errors]
    for number, each in enumerate(opened):
        each.screenshot(tmp_path / f"window-{number}.png")
        each.close()
    (tmp_path / "log.txt").write_text(server.log, encoding="utf-8")
    assert errors == []
