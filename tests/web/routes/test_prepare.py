"""The Prepare tab's routes."""

from __future__ import annotations

import base64
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from fake_training import wait_for
from mixed_files import scene
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from textual_inversion.runs import preparing as preparations
from textual_inversion.runs.preparing import Preparations
from textual_inversion.web.app import PREFIX, mount
from textual_inversion.web.hosted_access import GuardedAccess

BAD = "<img src=x onerror=alert(1)>"


class Tagging:
    """Captioning models of a host; they wait until they may."""

    defaults: ClassVar = {"threshold": 0.75, "existing": "ignore"}

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()

    @contextmanager
    def deepbooru(self):
        yield self

    def scores(self, pictures):
        self.may.wait(60)
        return [{"1girl": 0.9, "hat": 0.6} for _ in pictures]


@pytest.fixture
def models(host):
    host.caption_models = Tagging()
    return host.caption_models


@pytest.fixture
def client(manager):
    app = Starlette()
    mount(app, manager)
    with TestClient(app, base_url="http://127.0.0.1:7860" + PREFIX + "/") as client:
        yield client


@pytest.fixture
def patient(monkeypatch):
    """A refusal that a busy machine is slow to find is an answer all the same."""
    monkeypatch.setattr(preparations, "SETTLE_SECONDS", 20)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in range(3):
        scene((90, 70), number + 1).save(folder / f"{number} {BAD.replace('/', '')}.png")
        (folder / f"{number} {BAD.replace('/', '')}.txt").write_text(f"{BAD}, tag {number}")
    return folder


def ended(client, job):
    wait_for(lambda: client.get(f"prepare/jobs/{job}").json()["state"] != "running")
    return client.get(f"prepare/jobs/{job}").json()


def test_a_folder_is_prepared(client, raw, tmp_path):
    body = {"source": str(raw), "destination": str(tmp_path / "done"), "width": 64, "height": 64, "flip": ["h"]}
    (shown,) = client.post("prepare/preview", json=body).json()["pictures"][:1]
    assert (len(shown["pictures"]), shown["pictures"][0]["size"]) == (2, [64, 64])
    assert not (tmp_path / "done").exists()
    answer = client.post("prepare/start", json=body)
    assert answer.status_code == 202
    job = ended(client, answer.json()["job"])
    assert (job["state"], job["message"]) == ("done", "6 pictures made from 3 files, 3 captions and masks.")
    assert len(client.get(f"prepare/jobs/{job['id']}?after=5").json()["files"]) == 1
    name = job["files"][0]["results"][0]
    picture = client.get(f"prepare/jobs/{job['id']}/picture", params={"name": name, "size": "32"})
    assert Image.open(io.BytesIO(picture.content)).size == (32, 32)
    assert client.get(f"prepare/jobs/{job['id']}/picture", params={"name": "../raw/x"}).status_code == 404
    assert client.get("prepare/jobs").json()["jobs"][0]["id"] == job["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "source"),
        ({"source": "nowhere", "destination": "d"}, "source"),
        ({"source": "RAW", "destination": ""}, "destination"),
        ({"source": "RAW", "destination": "RAW"}, "destination"),
        ({"source": "RAW", "destination": "d", "width": 10}, "width"),
        ({"source": "RAW", "destination": "d", "flip": ["x"]}, "flip"),
        ({"source": "RAW", "destination": "d", "unknown": 1}, "unknown"),
        ({"source": "RAW", "destination": "d", "caption": ["blip"], "blip_folder": "nowhere"}, "blip_folder"),
    ],
)
@pytest.mark.usefixtures("patient")
def test_refused_at_once_beside_the_field(client, models, raw, tmp_path, monkeypatch, body, field):
    monkeypatch.chdir(tmp_path)
    answer = client.post(
        "prepare/start", json={key: str(raw) if value == "RAW" else value for key, value in body.items()}
    )
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert client.get("prepare/jobs").json()["jobs"] == []


def test_captions_with_the_hosts_models_and_its_settings(client, models, raw):
    job = client.post(
        "prepare/caption", json={"folder": str(raw), "caption": ["deepbooru"], "existing": "append"}
    ).json()["job"]
    assert ended(client, job)["state"] == "done"
    listed = client.get("prepare/folder", params={"folder": str(raw)}).json()
    assert listed["pictures"][0]["caption"] == f"1girl, {BAD}, tag 0"
    assert client.get("prepare/form").json()["start"][0]["label"] == "Source directory"
    forms = client.get("prepare/form").json()
    shown = {form: {field["name"]: field["value"] for field in forms[form]} for form in forms}
    assert (shown["caption"]["threshold"], shown["start"]["existing"]) == (0.75, "ignore")


def test_captions_that_are_there_are_not_replaced_unasked(client, models, raw):
    job = client.post("prepare/caption", json={"folder": str(raw), "caption": ["deepbooru"]}).json()["job"]
    assert {file["outcome"] for file in ended(client, job)["files"]} == {"there"}
    caption = next(f for f in client.get("prepare/form").json()["caption"] if f["name"] == "existing")
    assert caption["value"] == "keep"


def test_one_job_a_folder_and_interrupt(client, models, raw):
    models.may.clear()
    body = {"folder": str(raw), "caption": ["deepbooru"], "existing": "ignore", "caption_batch": 1}
    job = client.post("prepare/caption", json=body).json()["job"]
    refused = client.post("prepare/caption", json=body)
    assert (refused.status_code, "still working" in refused.json()["error"]) == (409, True)
    client.post(f"prepare/jobs/{job}/interrupt", json={})
    models.may.set()
    told = ended(client, job)
    assert (told["state"], len(told["files"])) == ("interrupted", 1)


def test_a_run_that_has_the_model_keeps_it(client, models, raw, config, manager):
    run = client.post("train", json=config.to_mapping()).json()["run"]
    answer = client.post("prepare/caption", json={"folder": str(raw), "caption": ["deepbooru"]})
    assert (answer.status_code, "Pause it first" in answer.json()["error"]) == (409, True)
    manager.interrupt(run)


def test_editing(client, raw):
    folder = {"folder": str(raw)}
    listed = client.get("prepare/folder", params=folder).json()
    first = listed["pictures"][0]
    assert listed["tags"][0] == [BAD, 3]
    changed = client.post(
        "prepare/edit", json={**folder, "names": [first["name"]], "text": "a cat", "before": first["caption"]}
    )
    assert changed.json()["pictures"][0]["caption"] == "a cat"
    stale = client.post(
        "prepare/edit", json={**folder, "names": [first["name"]], "text": "b", "before": first["caption"]}
    )
    assert stale.status_code == 409
    added = client.post("prepare/edit", json={**folder, "action": "add", "text": "indoors", "first": True}).json()
    assert (added["changed"], added["undo"]) == (3, "Added 'indoors'")
    assert client.post("prepare/undo", json=folder).json()["undone"] == "Added 'indoors'"
    assert client.post("prepare/edit", json={**folder, "action": "remove", "text": " "}).json()["field"] == "text"
    picture = client.get("prepare/picture", params={**folder, "name": first["name"], "size": "40"})
    assert picture.headers["content-type"] == "image/jpeg"
    for name in ("../raw/x.png", "", "/etc/passwd"):
        assert client.get("prepare/picture", params={**folder, "name": name}).status_code == 400


def test_taking_out_and_putting_back(client, raw):
    folder = {"folder": str(raw)}
    name = client.get("prepare/folder", params=folder).json()["pictures"][0]["name"]
    client.post("prepare/exclude", json={**folder, "name": name})
    listed = client.get("prepare/folder", params=folder).json()
    assert (len(listed["pictures"]), listed["excluded"]) == (2, [name])
    client.post("prepare/restore", json={**folder, "name": name})
    assert len(client.get("prepare/folder", params=folder).json()["pictures"]) == 3


def png(size=(45, 35), colour=200):
    file = io.BytesIO()
    Image.new("L", size, colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_masks(client, raw):
    folder = {"folder": str(raw)}
    name = client.get("prepare/folder", params=folder).json()["pictures"][0]["name"]
    shown = client.get("prepare/mask", params={**folder, "name": name, "size": "30"})
    assert Image.open(io.BytesIO(shown.content)).getextrema() == (255, 255)
    made = client.post("prepare/mask", json={**folder, "name": name, "png": png()}).json()["mask"]
    with Image.open(raw / made) as mask:
        assert (mask.size, mask.mode, mask.getextrema()) == ((90, 70), "L", (200, 200))
    assert client.get("prepare/folder", params=folder).json()["pictures"][0]["mask"] is True
    for bad in ("no base64!", base64.b64encode(b"no picture").decode(), png((10, 90))):
        assert client.post("prepare/mask", json={**folder, "name": name, "png": bad}).json()["field"] == "png"
    client.post("prepare/mask", json={**folder, "name": name, "png": ""})
    assert not (raw / made).exists()


def test_an_attention_map_is_saved_as_one_and_the_kinds_do_not_mix(client, raw):
    folder = {"folder": str(raw)}
    name = client.get("prepare/folder", params=folder).json()["pictures"][0]["name"]
    map_ = {**folder, "name": name, "png": png(), "graded": True}
    assert client.post("prepare/mask", json=map_).json()["mask"] == f"{Path(name).stem}_att.png"
    shown = client.get("prepare/folder", params=folder).json()["pictures"][0]
    assert (shown["mask"], shown["graded"]) == (True, True)
    refused = client.post("prepare/mask", json={**map_, "graded": False})
    assert (refused.status_code, refused.json()["field"]) == (400, "png")
    assert "Remove it before saving a mask" in refused.json()["error"]
    client.post("prepare/mask", json={**map_, "png": ""})
    made = client.post("prepare/mask", json={**map_, "graded": False}).json()["mask"]
    assert made == f"{Path(name).stem}_mask.png"
    assert "Remove it before saving an attention map" in client.post("prepare/mask", json=map_).json()["error"]


def test_what_is_drawn_is_spread_over_what_looks_alike(client, tmp_path, manager):
    folder = tmp_path / "two-colours"
    folder.mkdir()
    picture = Image.new("RGB", (96, 64), (220, 30, 30))
    picture.paste((30, 30, 220), (48, 0, 96, 64))
    picture.save(folder / "a.png")
    drawn = Image.new("L", (96, 64), 0)
    drawn.paste(255, (8, 8, 24, 24))
    data = io.BytesIO()
    drawn.save(data, "PNG")
    wanted = {"folder": str(folder), "name": "a.png", "png": base64.b64encode(data.getvalue()).decode()}
    spread = Image.open(io.BytesIO(base64.b64decode(client.post("prepare/spread-mask", json=wanted).json()["png"])))
    assert (spread.size, spread.mode) == ((96, 64), "L")
    assert spread.getpixel((36, 44)) > 8, "the rest of the same colour is marked too"
    assert spread.getpixel((80, 44)) == 0
    assert [each.name for each in folder.iterdir()] == ["a.png"], "nothing is written"
    for bad in ("no base64!", base64.b64encode(b"no picture").decode(), png((10, 90))):
        assert client.post("prepare/spread-mask", json={**wanted, "png": bad}).json()["field"] == "png"


def test_one_picture_is_looked_at_at_a_time_and_bad_ones_never_wait(client, raw, gate):
    name = client.get("prepare/folder", params={"folder": str(raw)}).json()["pictures"][0]["name"]
    wanted = {"folder": str(raw), "name": name, "png": png()}
    with ThreadPoolExecutor(1) as threads:
        with gate:  # somebody makes a picture
            first = threads.submit(client.post, "prepare/spread-mask", json=wanted)
            wait_for(lambda: len(gate._queue) == 2)
            second = client.post("prepare/spread-mask", json=wanted)
            assert (second.status_code, "being looked at" in second.json()["error"]) == (409, True)
            bad = client.post("prepare/spread-mask", json={**wanted, "png": png((10, 90))})
            assert (bad.status_code, bad.json()["field"]) == (400, "png")
        assert first.result(30).status_code == 200


def test_spreading_waits_for_no_run(client, raw, manager, config, training):
    manager.start(config)
    name = client.get("prepare/folder", params={"folder": str(raw)}).json()["pictures"][0]["name"]
    answer = client.post("prepare/spread-mask", json={"folder": str(raw), "name": name, "png": png()})
    assert answer.status_code == 409
    assert "Pause it first" in answer.json()["error"]


def test_check(client, raw):
    answer = client.post(
        "prepare/check", json={"folder": str(raw), "width": 64, "height": 64, "init_text": "img"}
    ).json()
    assert answer["summary"] == "3 pictures (64x64), all with captions."
    assert "described" in [finding["kind"] for finding in answer["findings"]]


def test_paths_outside_are_refused(manager, tmp_path, raw):
    inside, app = tmp_path / "inside", Starlette()
    inside.mkdir()
    scene((80, 80), 1).save(inside / "a.png")
    (inside / "link").symlink_to(raw)
    (inside / "out.png").symlink_to(next(raw.glob("*.png")))
    mount(app, manager, access=GuardedAccess(admits=lambda _: True, names=None, roots=[inside]))
    ok, out = str(inside), str(raw)
    with TestClient(app, base_url="http://127.0.0.1:7860" + PREFIX + "/") as client:
        for path, body in [
            ("start", {"source": out, "destination": str(inside / "d")}),
            ("start", {"source": ok, "destination": str(tmp_path / "d")}),
            ("start", {"source": ok, "destination": str(inside / "link")}),
            ("start", {"source": ok, "destination": str(inside / "d"), "caption": ["deepbooru"], "tagger_file": out}),
            ("start", {"source": ok, "destination": str(inside / "d"), "caption": ["blip"], "blip_folder": out}),
            ("preview", {"source": out}),
            ("caption", {"folder": out, "caption": ["deepbooru"]}),
            ("edit", {"folder": out, "action": "add", "text": "x"}),
            ("undo", {"folder": out}),
            ("exclude", {"folder": out, "name": "x"}),
            ("restore", {"folder": out, "name": "x"}),
            ("mask", {"folder": out, "name": "x"}),
            ("spread-mask", {"folder": out, "name": "x"}),
            ("check", {"folder": out}),
            ("check", {"folder": ok, "template": str(raw / "x.txt")}),
        ]:
            answer = client.post(f"prepare/{path}", json=body)
            assert (answer.status_code, "have to lie inside" in answer.json()["error"]) == (400, True), (path, body)
        for path in ("folder", "picture", "mask"):
            answer = client.get(f"prepare/{path}", params={"folder": out, "name": "x"})
            assert (answer.status_code, "have to lie inside" in answer.json()["error"]) == (400, True)
        assert client.get("prepare/picture", params={"folder": ok, "name": "out.png"}).status_code == 400
        assert client.get("prepare/mask", params={"folder": ok, "name": "out.png"}).status_code == 400
        assert client.get("prepare/picture", params={"folder": ok, "name": "a.png"}).status_code == 200


def test_jobs_outlive_the_page(manager, raw, tmp_path):
    jobs = Preparations(borrow=manager.borrow)
    for _ in range(2):
        app = Starlette()
        mount(app, manager, preparations=jobs)
        with TestClient(app, base_url="http://127.0.0.1:7860" + PREFIX + "/") as client:
            if not client.get("prepare/jobs").json()["jobs"]:
                body = {"source": str(raw), "destination": str(tmp_path / "done"), "width": 64, "height": 64}
                client.post("prepare/start", json=body)
            assert len(client.get("prepare/jobs").json()["jobs"]) == 1


def test_a_host_without_captioning_models_says_where_files_of_them_may_lie(client, host, raw, tmp_path):
    """And what people have set in it for captions is what the form begins with."""
    host.models_dir, host.caption_defaults = tmp_path / "host models", {"threshold": 0.66}
    shown = str(client.get("prepare/form").json())
    assert "0.66" in shown
    body = {"source": str(raw), "destination": str(tmp_path / "d"), "width": 64, "height": 64, "caption": ["deepbooru"]}
    answer = client.post("prepare/start", json=body)
    told = answer.json().get("error") or ended(client, answer.json()["job"])["message"]
    assert f"There is no tagger in {tmp_path / 'host models' / 'torch_deepdanbooru'}" in str(told)
