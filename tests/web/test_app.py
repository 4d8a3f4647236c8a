from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from fake_training import FakeHost, FakeTraining, wait_for
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import read_embedding, write_embedding
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.errors import DeniedError
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.web.access import Access
from textual_inversion.web.app import PREFIX, mount
from textual_inversion.web.routing import MAX_BODY_BYTES


@pytest.fixture
def client(manager: RunManager):
    app = Starlette()
    mount(app, manager)
    with TestClient(app, base_url="http://127.0.0.1:7860" + PREFIX + "/") as client:
        yield client


@pytest.fixture
def body(config: TrainConfig) -> dict:
    return config.to_mapping()


def started(client: TestClient, body: dict) -> str:
    answer = client.post("train", json=body)
    assert answer.status_code == 202
    return answer.json()["run"]


def test_a_run_from_start_to_interrupt(client: TestClient, body: dict) -> None:
    run = started(client, body)
    assert [entry["id"] for entry in client.get("runs").json()["runs"]] == [run]
    wait_for(lambda: client.get(f"runs/{run}").json()["step"] > 3)
    answer = client.get(f"runs/{run}").json()
    assert (answer["name"], answer["state"], answer["config"]["name"]) == ("cat", "running", "cat")
    assert client.post(f"runs/{run}/interrupt", json={}).status_code == 200
    wait_for(lambda: client.get(f"runs/{run}").json()["state"] == "interrupted")
    events = client.get(f"runs/{run}/events?after=1").json()
    assert events["events"][0]["number"] == 2
    assert events["events"][-1]["event"] == "finished"


def test_pause_resume_save_preview(client: TestClient, body: dict) -> None:
    run = started(client, body)
    for act in ("save", "preview", "pause"):
        assert client.post(f"runs/{run}/{act}", json={}).status_code == 200
    wait_for(lambda: client.get(f"runs/{run}").json()["state"] == "paused")
    answer = client.post(f"runs/{run}/resume", json={"steps": 200_000})
    assert (answer.status_code, answer.json()) == (202, {"run": run})
    assert client.get(f"runs/{run}").json()["config"]["steps"] == 200_000


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"data": []}, "data", "No dataset directory"),
        ({"steps": -1}, "steps", "-1 is not between 1 and"),
        ({"stepz": 1}, "stepz", "There is no setting called 'stepz'"),
        ({"name": ""}, "name", "it is empty"),
        ({"data": ["a\0b"]}, "data", "No file or folder"),
    ],
)
def test_a_refused_field_is_named(client: TestClient, body: dict, change: dict, field: str, words: str) -> None:
    answer = client.post("train", json={**body, **change})
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert words in answer.json()["error"]


def test_busy_and_unknown(client: TestClient, body: dict) -> None:
    run = started(client, body)
    assert client.post("train", json=body).status_code == 409
    assert client.post("create", json={"name": "dog"}).json()["error"].startswith("'cat' is being trained")
    assert client.get("runs/nope").status_code == 404
    assert client.get(f"runs/{run}/events?after=x").status_code == 400
    assert client.get(f"runs/{run}/pictures/1").status_code == 404
    for answer in (
        client.get("nothing"),
        client.get("train"),
        client.delete(f"runs/{run}"),
        client.post("runs", json={}),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("There is nothing at this address")


def test_pictures_are_served_from_the_runs_folder_only(
    client: TestClient, body: dict, manager: RunManager, tmp_path: Path
) -> None:
    run = started(client, body)
    events = wait_for(lambda: [e for e in client.get(f"runs/{run}/events").json()["events"] if e["event"] == "preview"])
    picture = client.get(f"runs/{run}/pictures/{events[0]['number']}")
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert picture.headers["cache-control"] == "no-store", "a later process may give the address to another picture"
    assert picture.content.startswith(b"\x89PNG")

    outside = tmp_path / "secret.png"
    outside.write_bytes(b"\x89PNG secret")
    path = Path(events[0]["path"])
    path.unlink()
    path.symlink_to(outside)
    assert client.get(f"runs/{run}/pictures/{events[0]['number']}").status_code == 404


def test_bodies_have_to_be_small_json_objects(client: TestClient) -> None:
    for content, kind, words in [
        (b"name=cat", "application/x-www-form-urlencoded", "has to be application/json"),
        (b"{}", "text/plain", "has to be application/json"),
        (b"{", "application/json", "not JSON"),
        (b"[1]", "application/json", "JSON object"),
        (b"[" * 100_000, "application/json", "not JSON"),
        (b" " * (MAX_BODY_BYTES + 1), "application/json; charset=utf-8", "larger than"),
    ]:
        answer = client.post("train", content=content, headers={"content-type": kind})
        assert answer.status_code == 400
        assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"origin": "http://127.0.0.1:7860"}, 404),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://sd.example", "x-forwarded-host": "sd.example"}, 404),
        ({"origin": "https://sd.example", "sec-fetch-site": "same-origin"}, 404),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"host": "evil.example:7860"}, 403),
        ({"host": "evil.example:7860", "origin": "http://evil.example:7860", "sec-fetch-site": "same-origin"}, 403),
        ({"host": "localhost:7860"}, 404),
        ({"host": "192.168.0.7:7860"}, 404),
        ({"host": "[::1]:7860"}, 404),
        ({"host": "[::1"}, 403),
    ],
)
def test_other_sites_are_refused(client: TestClient, headers: dict, status: int) -> None:
    assert client.post("runs/nope/interrupt", json={}, headers=headers).status_code == status
    assert client.get("runs/nope", headers=headers).status_code == status


class Locked(Access):
    def authorize(self, request: Request) -> None:
        if request.headers.get("authorization") != "Basic dTpw":
            raise DeniedError("Log in first.", status=401)


def test_a_login_keeps_everything(manager: RunManager, body: dict) -> None:
    app = Starlette()
    mount(app, manager)
    mount(app, manager, access=Locked(["sd.example"]))
    client = TestClient(app, base_url="http://sd.example" + PREFIX + "/")
    for answer in (client.get("runs"), client.get("embeddings"), client.get("else"), client.post("train", json=body)):
        assert answer.status_code == 401
        assert answer.json() == {"error": "Log in first.", "field": None}
    assert client.get("runs", headers={"authorization": "Basic dTpw"}).json() == {"runs": []}


def test_no_number_is_not_json(client: TestClient, body: dict, manager: RunManager) -> None:
    run = started(client, body)
    manager.run(run).progress.smooth_loss = float("nan")
    manager.interrupt(run)
    json.loads(client.get("runs").text, parse_constant=lambda name: pytest.fail(name))


def test_behind_fastapi_below_a_path(manager: RunManager) -> None:
    """Below another app's path, and behind a proxy that cuts its own off; no catch-all of the host comes first."""
    from fastapi import FastAPI

    app, outer = FastAPI(), Starlette()
    app.add_api_route("/{anything:path}", lambda anything: {"caught": anything}, methods=["GET"])
    mount(app, manager)
    outer.mount("/sub", app)
    client = TestClient(outer, base_url="http://localhost")
    assert client.get("/sub" + PREFIX + "/runs").json() == {"runs": []}
    app.root_path = "/sub"
    client = TestClient(app, base_url="http://localhost")
    assert client.get(PREFIX + "/runs").json() == {"runs": []}


def test_embeddings_that_cannot_be_read_say_so(client: TestClient, host: FakeHost) -> None:
    (host.embeddings_dir / "broken.pt").write_bytes(b"rubbish")
    (host.embeddings_dir / ".cat.lock").write_text("{}")
    (host.embeddings_dir / "cat.preview.png").write_bytes(b"")
    (entry,) = client.get("embeddings").json()["embeddings"]
    assert entry["name"] == "broken"
    assert entry["error"]


def test_embeddings_behind_a_link_are_listed_as_prompts_know_them(
    client: TestClient, host: FakeHost, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    write_embedding(Embedding(vectors={"*": torch.ones(1, 768)}, name="far", step=3), elsewhere / "far.pt")
    (host.embeddings_dir / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(host.embeddings_dir)
    assert [entry["name"] for entry in client.get("embeddings").json()["embeddings"]] == ["far"]


def test_convert_and_its_mistakes(client: TestClient, tmp_path: Path) -> None:
    source, target = tmp_path / "a.pt", tmp_path / "b.safetensors"
    write_embedding(Embedding(vectors={"*": torch.ones(2, 768)}, name="a", step=3), source)
    answer = client.post("convert", json={"source": str(source), "target": str(target)})
    assert answer.json()["files"] == [str(target)]
    assert "not read by OneTrainer" in answer.json()["notes"][0]
    assert read_embedding(target).step == 3
    for body, field in [
        ({"source": "", "target": str(target)}, "source"),
        ({"source": str(source), "target": str(tmp_path / "b.exe")}, "file_format"),
    ]:
        answer = client.post("convert", json=body)
        assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_what_is_not_given_is_the_hosts(host: FakeHost, training: FakeTraining, tmp_path: Path) -> None:
    manager = RunManager(host, FifoGate(), train=training, defaults={"width": 64, "log_dir": str(tmp_path / "here")})
    app = Starlette()
    mount(app, manager)
    client = TestClient(app, base_url="http://localhost" + PREFIX + "/")
    run = client.post("train", json={"name": "cat", "data": "pictures", "steps": 2}).json()["run"]
    config = client.get(f"runs/{run}").json()["config"]
    assert (config["width"], config["height"], config["log_dir"]) == (64, 512, str(tmp_path / "here"))
    manager.close(5)
