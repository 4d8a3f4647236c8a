"""What the extension leaves in a web UI's own files: after a run, after it was disabled, and under any folder name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from webui_server import EXTENSION, Server, copied, python_of

pytestmark = [pytest.mark.host, pytest.mark.slow]

NAME = "My embeddings (copy)"
"""Another folder name than the usual one, as a user may give it."""


@pytest.fixture(scope="module")
def own_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that other tests do not change; not started yet."""
    given = request.config.getoption("--webui-dir")
    if not given:
        pytest.skip("no --webui-dir")
    folder = copied(Path(given).resolve(), tmp_path_factory.mktemp("loading") / "webui")
    extensions = folder / "extensions"
    (extensions / EXTENSION).rename(extensions / NAME)
    python = request.config.getoption("--webui-python") or python_of(Path(given))
    server = Server(folder, Path(python))
    yield server
    server.stop()


def test_nothing_is_left_when_it_is_disabled(own_server: Server, pictures: Path) -> None:
    server = own_server
    _choose(server, disabled_extensions=[NAME])
    server.start()
    assert server.ask("runs")[0] == 404
    server.option(training_write_csv_every=250)  # the web UI writes its settings only when one was changed
    server.stop()
    before = _files(server)

    _choose(server, disabled_extensions=[])
    server.start()
    server.create("loading1")
    server.train("loading1", pictures, steps=4, image_every=2, preview_steps=2, preview_width=64, preview_height=64)
    assert server.state("loading1", "done", "failed")["state"] == "done"
    server.option(training_write_csv_every=100)
    server.option(training_write_csv_every=250)
    server.stop()
    assert "Traceback" not in server.log

    _choose(server, disabled_extensions=[NAME])
    server.start()
    assert server.ask("runs")[0] == 404
    server.stop()
    assert "Traceback" not in server.log
    after = _files(server)
    assert after["ui-config.json"] == before["ui-config.json"]
    settings = {
        key: value for key, value in after["config.json"].items() if not key.startswith("textual_inversion_tab_")
    }
    assert settings == before["config.json"]
    own = {"loading1.pt", "loading1.preview.png", "loading1.json"}
    assert {name for name in after["embeddings"] if name not in before["embeddings"]} - own == set()
    assert "loading1.pt" in after["embeddings"]
    assert set(after["root"]) - set(before["root"]) <= {"textual_inversion", "cache", "tmp"}


def test_without_a_page_the_routes_answer(own_server: Server) -> None:
    _choose(own_server, disabled_extensions=[])
    own_server.start("--nowebui")
    assert own_server.ask("runs")[0] == 200
    own_server.stop()


def test_a_second_copy_is_told(own_server: Server) -> None:
    """Of the files, not a link to the same ones."""
    second = own_server.folder / "extensions" / "second copy"
    (second / "scripts").mkdir(parents=True)
    clone = (own_server.folder / "extensions" / NAME).resolve()
    for path in [*clone.joinpath("textual_inversion").glob("*.py"), *clone.joinpath("scripts").glob("*.py")]:
        target = second / path.relative_to(clone)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    own_server.start()
    own_server.stop()
    assert own_server.log.count("The textual inversion extension is installed twice") == 1
    assert "Traceback" not in own_server.log


def _choose(server: Server, **settings: Any) -> None:
    path = server.folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **settings}), encoding="utf-8")


def _files(server: Server) -> dict[str, Any]:
    def content(name: str) -> Any:
        return json.loads((server.folder / name).read_text(encoding="utf-8"))

    return {
        "config.json": content("config.json"),
        "ui-config.json": content("ui-config.json"),
        "embeddings": sorted(path.name for path in (server.folder / "embeddings").iterdir()),
        "root": sorted(path.name for path in server.folder.iterdir()),
    }
