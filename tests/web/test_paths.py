"""No route and no field leads outside the web UI's folders while others can reach it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch
from fake_training import FakeHost, FakeTraining, wait_for
from starlette.applications import Starlette
from starlette.testclient import TestClient

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.web.app import PREFIX, mount
from textual_inversion.web.hosted_access import GuardedAccess

WORDS = "paths have to lie inside"

PATHS = {"lora", "data", "log_dir", "template", "negative_template", "vae"}
NO_PATHS = {
    "optimizer",
    "optimizer_args",
    *("name", "learning_rate", "clip_value", "filename_regex", "filename_join", "preview_prompts"),
    *("preview_negative_prompt", "preview_sampler", "guidance"),
}


class World:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inside, self.outside = folder / "webui", folder / "outside"
        self.inside.mkdir()
        self.outside.mkdir()
        (self.inside / "link").symlink_to(self.outside)
        monkeypatch.chdir(self.inside)
        self.queue = self.inside / "log" / "queue.json"
        self.host = FakeHost(self.inside)
        self.manager = RunManager(
            self.host, FifoGate(), train=FakeTraining(), log_dirs=[self.inside / "log"], queue_file=self.queue
        )

    def client(self, *, confined: bool = True) -> TestClient:
        app = Starlette()
        roots = [self.inside] if confined else None
        mount(app, self.manager, access=GuardedAccess(admits=lambda _: True, names=None, roots=roots))
        return TestClient(app, base_url="http://localhost" + PREFIX + "/")

    def train(self, **changes: Any) -> dict[str, Any]:
        return {"name": "cat", "data": ["pictures"], "log_dir": "log", "steps": 2, **changes}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    world = World(tmp_path, monkeypatch)
    yield world
    world.manager.close(5)


@pytest.fixture(params=["{outside}/x.pt", "link/x.pt", "../outside/x.pt", '"{outside}/x.pt"', "{inside}/link/../x.pt"])
def written(request: pytest.FixtureRequest, world: World) -> str:
    return request.param.format(outside=world.outside, inside=world.inside)


BODIES = [
    ("create", "init", lambda path: {"name": "new", "init": path}),
    ("train", "data", lambda path: {"data": [path]}),
    ("train", "data", lambda path: {"data": ["pictures", f"{path}*2"]}),
    ("train", "log_dir", lambda path: {"log_dir": path}),
    ("train", "template", lambda path: {"template": path}),
    ("train", "negative_template", lambda path: {"apt": True, "negative_template": path}),
    ("train", "vae", lambda path: {"vae": path}),
    ("convert", "source", lambda path: {"source": path, "target": "y.pt"}),
    ("convert", "target", lambda path: {"source": "cat.pt", "target": path}),
]


@pytest.mark.parametrize(("route", "field", "body"), BODIES)
def test_no_field_of_a_body_leads_outside(world: World, written: str, route: str, field: str, body: Any) -> None:
    write_embedding(Embedding(vectors={"*": torch.ones(1, 768)}, name="cat", step=1), world.outside / "x.pt")
    write_embedding(Embedding(vectors={"*": torch.ones(1, 768)}, name="cat", step=1), world.inside / "cat.pt")
    before = (world.outside / "x.pt").read_bytes()
    given = body(written)
    answer = world.client().post(route, json=world.train(**given) if route == "train" else given)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert WORDS in answer.json()["error"]
    assert [path.name for path in world.outside.iterdir()] == ["x.pt"]
    assert (world.outside / "x.pt").read_bytes() == before
    assert not (world.inside / "y.pt").exists()


@pytest.mark.parametrize(("route", "field", "body"), BODIES)
def test_a_host_that_allows_insecure_access_allows_any_path(world: World, route: str, field: str, body: Any) -> None:
    given = body(str(world.outside / "x.pt"))
    answer = world.client(confined=False).post(route, json=world.train(**given) if route == "train" else given)
    assert WORDS not in answer.text


@pytest.mark.parametrize(("act", "body"), [("resume", {"steps": 9}), ("use", {"step": 1})])
@pytest.mark.parametrize(
    "change",
    [{"data": ["../outside"]}, {"log_dir": "link"}, {"template": "link/x.txt"}, {"vae": "link/x.pt"}],
)
def test_a_run_on_disk_that_names_other_folders_is_refused(
    world: World, act: str, body: dict[str, Any], change: dict[str, Any]
) -> None:
    client = world.client()
    run = client.post("train", json=world.train()).json()["run"]
    wait_for(lambda: client.get(f"runs/{run}").json()["state"] == "done")
    plan = Path(client.get(f"runs/{run}").json()["run_dir"]) / "run.json"
    content = json.loads(plan.read_text())
    plan.write_text(json.dumps({**content, "config": {**content["config"], **change}}))
    world.manager.close(5)
    world.manager = RunManager(world.host, FifoGate(), train=FakeTraining(), log_dirs=[world.inside / "log"])
    client = world.client()
    found = client.get("runs").json()["runs"][0]["id"]
    answer = client.post(f"runs/{found}/{act}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, next(iter(change)))
    assert WORDS in answer.json()["error"]


def test_a_folder_of_runs_that_is_a_link_leads_nowhere(world: World) -> None:
    client = world.client()
    run = client.post("train", json=world.train()).json()["run"]
    wait_for(lambda: client.get(f"runs/{run}").json()["state"] == "done")
    folder = Path(client.get(f"runs/{run}").json()["run_dir"])
    moved = world.outside / "run"
    folder.rename(moved)
    folder.symlink_to(moved)
    for act in ("resume", "use"):
        answer = client.post(f"runs/{run}/{act}", json={"steps": 9} if act == "resume" else {"step": 1})
        assert (answer.status_code, answer.json()["field"]) == (400, "log_dir")


@pytest.mark.parametrize("change", [{"data": ["../outside"]}, {"template": "link/x.txt"}])
def test_a_queue_that_somebody_wrote_into_leads_nowhere(world: World, change: dict[str, Any]) -> None:
    settings = TrainConfig.from_mapping(world.train(**change)).to_mapping()
    world.manager.close(5)
    world.queue.parent.mkdir(exist_ok=True)
    world.queue.write_text(json.dumps({"version": 1, "runs": [{"id": "a", "settings": settings}]}))
    world.manager = RunManager(world.host, FifoGate(), train=FakeTraining(), queue_file=world.queue)
    answer = world.client().post("runs/a/start", json={})
    assert (answer.status_code, answer.json()["field"]) == (400, next(iter(change)))
    assert WORDS in answer.json()["error"]


def test_every_text_among_the_settings_is_known_to_be_a_path_or_none() -> None:
    texts = {name for name, kind in get_type_hints(TrainConfig).items() if kind in (str, tuple[str, ...])}
    assert texts - NO_PATHS == PATHS, "a new setting: is it a path? Then Access.check_config has to check it"
