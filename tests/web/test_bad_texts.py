"""No text in a request is a fault of the program: halves of characters, names that no disk has."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from textual_inversion.core.base.errors import InputError
from textual_inversion.runs.manager import RunManager
from textual_inversion.web.app import PREFIX, mount
from textual_inversion.web.routes.table import AREAS
from textual_inversion.web.routing import routes_in

LONG = "a" * 300
HALF = "\ud800"
POSTS = [
    found.path.format_map(dict.fromkeys(found.parts, "x"))[1:]
    for owner in AREAS
    for _, found in routes_in(owner)
    if found.method == "POST"
]


@pytest.fixture
def client(manager: RunManager):
    app = Starlette()
    mount(app, manager)
    with TestClient(app, base_url="http://127.0.0.1:7860" + PREFIX + "/", raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"\\ud800": 1}',
        b'{"name": "\\uDFFFx", "file": "\\ud800", "folder": "\\ud83d"}',
        b'{"name": "\xed\xa0\x80"}',
        b'{"name": "\xff"}',
    ],
)
def test_half_a_character_is_refused_everywhere(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "half of a character" in answer.json()["error"] or "not JSON" in answer.json()["error"]


def test_whole_characters_pass(client: TestClient) -> None:
    body = b'{"source": "\\ud83d\\ude00.pt", "target": "\xf0\x9f\x98\x80.pt"}'
    answer = client.post("convert", content=body, headers={"content-type": "application/json"})
    assert "\U0001f600.pt" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "given", "field"),
    [
        ("POST", "create", {"name": "q", "init": LONG}, "init"),
        ("POST", "train", {"name": "q", "data": [LONG]}, "data"),
        ("POST", "train", {"name": "q", "data": ["pictures"], "log_dir": LONG}, "log_dir"),
        ("POST", "train", {"name": "q", "data": ["pictures"], "template": LONG}, "template"),
        ("POST", "train", {"name": "q", "data": ["pictures"], "vae": LONG}, "vae"),
        ("POST", "convert", {"source": LONG, "target": "x.pt"}, "source"),
        ("POST", "embeddings/extract", {"source": LONG}, "source"),
        ("GET", "prepare/folder", {"folder": LONG}, "folder"),
        ("GET", "prepare/picture", {"folder": ".", "name": LONG}, "name"),
        ("GET", "prepare/mask", {"folder": ".", "name": LONG}, "name"),
        ("POST", "prepare/check", {"folder": LONG}, "folder"),
        ("POST", "prepare/check", {"folder": ".", "template": LONG}, "template"),
        ("POST", "prepare/mask", {"folder": LONG, "name": "x"}, "folder"),
        ("POST", "prepare/spread-mask", {"folder": LONG, "name": "x"}, "folder"),
        ("POST", "prepare/restore", {"folder": LONG, "name": "x"}, "folder"),
        ("POST", "prepare/restore", {"folder": ".", "name": LONG}, "name"),
        ("POST", "prepare/undo", {"folder": LONG}, "folder"),
        ("POST", "prepare/start", {"source": LONG, "destination": "d"}, "source"),
        ("POST", "prepare/start", {"source": ".", "destination": LONG}, "destination"),
        ("POST", "prepare/caption", {"folder": LONG, "caption": ["blip"]}, "folder"),
        ("POST", "prepare/caption", {"folder": ".", "caption": ["blip"], "blip_folder": LONG}, "blip_folder"),
    ],
)
def test_a_name_that_no_disk_has_is_refused_beside_its_field(
    client: TestClient, method: str, path: str, given: dict[str, Any], field: str, tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = client.request(method, path, **{"json" if method == "POST" else "params": given})
    assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text
    assert "Cannot write" not in answer.json()["error"]


@pytest.mark.parametrize("name", [LONG, "\0", "a/" + LONG])
def test_files_of_the_list(client: TestClient, name: str) -> None:
    for path in ("embeddings/details", "embeddings/picture", "embeddings/download"):
        assert client.get(path, params={"file": name}).status_code == 404
    assert client.post("embeddings/rename", json={"file": name, "name": "x"}).status_code == 404
    assert client.get(f"runs/{LONG}/events").status_code == 404


def test_folders_of_long_names_are_no_folders(tmp_path: Any) -> None:
    from textual_inversion.core.dataset.find import find_pictures, parse_folder

    assert parse_folder(f"{LONG}*3").repeats == 3
    with pytest.raises(InputError, match="does not exist") as caught:
        find_pictures([str(tmp_path / LONG)])
    assert caught.value.field == "data"
