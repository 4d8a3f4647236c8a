"""What the list of embeddings and the details of one tell."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from fake_training import FakeTraining, wait_for
from library_world import LibraryWorld, make_library_world
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from textual_inversion.core.base.errors import LeaseError
from textual_inversion.library.listing import Shelf, model_kind
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.web.app import PREFIX, mount


@pytest.fixture
def world(tmp_path: Path) -> LibraryWorld:
    return make_library_world(tmp_path)


def test_every_file_with_its_figures_or_the_reason(world: LibraryWorld) -> None:
    world.add("below/cat.pt", checkpoint_hash="0123456789", checkpoint_name="model.ckpt")
    (world.host.embeddings_dir / "broken.pt").write_bytes(b"rubbish")
    broken, cat = world.get("").json()["embeddings"]
    assert "it is a text ('rubbish')" in broken["error"]
    assert (cat["name"], cat["file"], cat["step"], cat["vectors"]) == ("cat", "below/cat.pt", 30, 2)
    assert (cat["checkpoint"], cat["checkpoint_name"], cat["format"]) == ("0123456789", "model.ckpt", "a1111")
    assert cat["size"] > 100
    assert abs(cat["modified"] - time.time()) < 60


def test_a_picture_goes_by_the_name_inside_and_a_cards_picture_is_none(world: LibraryWorld) -> None:
    world.add("download (3).png", name="zebra")
    world.add("cat.pt")
    Image.new("RGB", (64, 64)).save(world.host.embeddings_dir / "cat.png")
    Image.new("RGB", (64, 64)).save(world.host.embeddings_dir / "holiday.png")
    cat, zebra = world.get("").json()["embeddings"]
    assert (zebra["name"], zebra["file"], cat["file"]) == ("zebra", "download (3).png", "cat.pt")
    assert cat["picture"]
    assert zebra["picture"]


def test_what_changes_beside_a_file_is_seen(world: LibraryWorld) -> None:
    world.add()
    shelf = Shelf(world.host)
    assert shelf.entries()[0]["picture"] is None
    Image.new("RGB", (8, 8)).save(world.host.embeddings_dir / "cat.preview.png")
    (world.host.embeddings_dir / "cat.json").write_text('{"textual_inversion": {"negative": true}}')
    (entry,) = shelf.entries()
    assert entry["picture"]
    assert entry["negative"] is True


def test_hundreds_are_quick_the_second_time(world: LibraryWorld) -> None:
    path = world.add()
    for index in range(400):
        shutil.copy(path, path.with_name(f"cat{index}.pt"))
    shelf = Shelf(world.host)
    shelf.entries()
    begun = time.process_time()
    assert len(shelf.entries()) == 401
    assert time.process_time() - begun < 0.5


def test_kinds_of_model() -> None:
    assert [model_kind(widths) for widths in ({"*": 768}, {"*": 1024}, {"clip_g": 1280, "clip_l": 768}, {"*": 16})] == [
        "SD 1.x", "SD 2.x", "SDXL", "width 16",
    ]  # fmt: skip


def test_details_and_the_runs_that_made_it(world: LibraryWorld) -> None:
    world.add(notes={"init_text": "<b>cat</b>"})
    run = world.run()
    world.run("other")
    details = world.get("/details", file="cat.pt").json()
    assert details["figures"]["*"]["norms"] == [4.0, 4.0]
    assert details["metadata"] == {"init_text": "<b>cat</b>"}
    (made,) = details["runs"]
    assert (made["folder"], made["date"], made["shown_as"], made["width"]) == (str(run.root), "2026-01-01", None, 64)


def test_nearest_tokens_of_the_loaded_checkpoint(world: LibraryWorld) -> None:
    path = world.add()
    answer = world.get("/nearest", file="cat.pt").json()
    assert answer["checkpoint"] == "fake"
    (encoder,) = answer["encoders"].values()
    assert encoder["mean_norm"] == pytest.approx(0.4, abs=0.1)
    assert len(encoder["nearest"]) == 2
    assert all(token["text"].startswith("word") for token in encoder["nearest"][0])
    world.add(path.name, width=24)
    assert "another kind of model" in world.get("/nearest", file="cat.pt").json()["error"]
    assert world.host.given_back == 2


def test_a_model_that_cannot_be_lent_says_so(world: LibraryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add()

    def refuse(_request: object) -> None:
        raise LeaseError("No model is loaded.")

    monkeypatch.setattr(world.host, "lease", refuse)
    answer = world.get("/nearest", file="cat.pt")
    assert (answer.status_code, answer.json()["error"]) == (400, "No model is loaded.")


def test_the_library_and_the_runs_name_a_run_by_one_id(tmp_path: Path, training: FakeTraining) -> None:
    """`POST train`, `GET runs`, `GET embeddings/details` and `POST embeddings/sheets`."""
    world = make_library_world(tmp_path)
    world.manager = RunManager(world.host, FifoGate(), train=training, log_dirs=[tmp_path / "log"])
    app = Starlette()
    mount(app, world.manager)
    world.client = TestClient(app, base_url="http://127.0.0.1:7860" + PREFIX + "/")
    world.add()
    body = {
        "name": "cat",
        "data": ["pictures"],
        "log_dir": str(tmp_path / "log"),
        "steps": 4,
        "width": 64,
        "height": 64,
    }
    run = world.client.post("train", json=body).json()["run"]
    wait_for(lambda: world.client.get(f"runs/{run}").json()["state"] == "done")
    (listed,) = world.client.get("runs").json()["runs"]
    (made,) = world.get("/details", file="cat.pt").json()["runs"]
    assert listed["id"] == made["id"] == made["shown_as"] == run
    refused = world.refused("sheets", file="cat.pt", run=run, steps=[3], prompts=["cat"])
    assert refused[0] == "steps", "the run is known by this id; it kept no such step"
    world.manager.close(5)
