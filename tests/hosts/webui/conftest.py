"""One web UI for all tests of this folder, its demo pictures, and a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import EXECUTABLE, launched
from webui_kinds import kind_of
from webui_page import Window
from webui_server import Server, copied, python_of

from textual_inversion.demo.concepts import write_concept


@pytest.fixture(scope="session")
def webui_copy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = request.config.getoption("--webui-dir")
    if not given:
        pytest.skip("no --webui-dir")
    checkpoint = request.config.getoption("--webui-checkpoint")
    if checkpoint is None and not kind_of(Path(given)).loads_demo:
        pytest.skip("no --webui-checkpoint, and the demo's is none that this web UI can load")
    folder = tmp_path_factory.mktemp("installed") / "webui"
    return copied(Path(given).resolve(), folder, checkpoint=Path(checkpoint).resolve() if checkpoint else None)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, webui_copy: Path) -> Iterator[Server]:
    python = request.config.getoption("--webui-python") or python_of(Path(request.config.getoption("--webui-dir")))
    server = Server(webui_copy, Path(python))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def pictures(webui_copy: Path) -> Path:
    """Eight captioned pictures of something that the demo checkpoint has no word for."""
    folder = webui_copy / "pictures"
    write_concept(folder)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if EXECUTABLE is None:
        pytest.skip("no Chromium is installed")
    with launched() as browser:
        yield browser


@pytest.fixture
def window(browser: Any, server: Server, tmp_path: Path) -> Iterator[Callable[[], Window]]:
    """Opens windows, whose last sight is kept as a picture; what our scripts got wrong fails the test."""
    opened: list[Window] = []

    def open_window() -> Window:
        opened.append(Window(browser, server.url))
        return opened[-1]

    yield open_window
    errors = [error for each in opened for error in each.errors]
    for number, each in enumerate(opened):
        each.screenshot(tmp_path / f"window-{number}.png")
        each.close()
    (tmp_path / "log.txt").write_text(server.log, encoding="utf-8")
    assert errors == []
