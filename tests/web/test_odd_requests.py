"""Whatever is sent to any route is answered with a sentence, never with a fault."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from fake_training import FakeTraining
from library_world import make_library_world
from starlette.applications import Starlette
from starlette.testclient import TestClient

from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager, check_settings
from textual_inversion.web.app import PREFIX, mount
from textual_inversion.web.routes.table import AREAS
from textual_inversion.web.routing import Route, routes_in

ROUTES = [found for owner in AREAS for _, found in routes_in(owner)]
TEXTS = [
    *("", " ", ".", "..", "/", "\0", "a\0b", "a" * 300, "cat", "cat.pt", "cat-neg", "~", "C:\\x", "\\\\host\\share"),
    *("NaN", "-1", "1e999", "9" * 5000, "٣", "é" * 200, "\U0001f600", "<b>", "%00", "[name]", "(a:" * 50, "*3"),
    *("data:image/png;base64,AAAA", "AAAA", "x*99999999", "../../etc/passwd", "nul", "con.txt", "cat@10", "\n\r\t"),
]
VALUES: list[Any] = [
    *TEXTS, None, True, False, 0, -1, 1.5, 2**63, 1e308, -1e308, [], {}, [[]], {"a": 1}, ["a", 1, None], [""], ["a" * 300],
]  # fmt: skip


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "world"
    folder.mkdir()
    world = make_library_world(folder)
    world.add()
    world.run()
    manager = RunManager(
        world.host, FifoGate(), train=FakeTraining(), check=check_settings, log_dirs=[world.folder / "log"]
    )
    app = Starlette()
    mount(app, manager, cards=lambda tab: f"<p>{tab}</p>")
    with TestClient(app, base_url="http://localhost" + PREFIX + "/", raise_server_exceptions=False) as client:
        yield client
    manager.close(5)


def asked(route: Route, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """An address and fields: some odd, some left out, now and then one that there is not."""
    names = [field.name for field in dataclasses.fields(route.request)]
    if route.request is TrainConfig:
        names = chance.sample(names, 8)
    chosen = {name: chance.choice(VALUES) for name in names if chance.random() < 0.8}
    if chance.random() < 0.1:
        chosen["unknown"] = chance.choice(VALUES)
    path = route.path[1:]
    for part in route.parts:
        text = re.sub(r"[/\n]|^\.+$", "", chance.choice(TEXTS)) or "x"  # these are another address
        path = path.replace("{" + part + "}", "".join(f"%{byte:02x}" for byte in text.encode()))
        chosen.pop(part, None)
    return path, chosen


@pytest.mark.parametrize("route", ROUTES, ids=[f"{each.method} {each.path}" for each in ROUTES])
def test_no_request_is_a_fault(client: TestClient, route: Route) -> None:
    chance = random.Random(route.path)
    for _ in range(25):
        path, fields = asked(route, chance)
        if route.method == "GET":
            texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
            answer = client.get(path, params=texts)
        else:
            answer = client.post(
                path, content=json.dumps(fields).encode(), headers={"content-type": "application/json"}
            )
        assert answer.status_code < 500, (path, fields, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["error"]
