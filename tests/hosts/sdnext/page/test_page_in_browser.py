"""What a person does in a real SD.Next, from a new word to finding all again after a restart.

python -m pytest tests/hosts/sdnext/page --webui-dir <its folder> --webui-python <its Python>
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from webui_page import MONITOR, TAB
from webui_server import names

from textual_inversion.core.formats import read_embedding

pytestmark = pytest.mark.host
NAME = "rosy1"


def test_create_train_pause_and_use(server: Any, window: Callable[[], Any], pictures: Path) -> None:
    page = window()
    page.our_tab("Create")
    page.fill("create", name=NAME, init_text="shape", vectors=2)
    page.press("create")
    page.see(f"{TAB} .ti-message-done")
    assert server.embedding(NAME).is_file()

    page.our_tab("Train")
    assert page.page.input_value("#ti-train-name input") == NAME
    page.fill("train", data=pictures, learning_rate="0.02", steps=100_000, width=64, height=64)
    page.fill("train", save_every=10, image_every=10)
    page.press("train")
    page.state("running")
    page.reach(3)

    page.reload()
    page.our_tab("Train")
    page.state("running")
    page.see(f"{TAB} .ti-preview img")
    server.reach(NAME, 12)
    page.act("pause")
    page.state("paused", "resumable", "interrupted")
    paused = server.state(NAME, "paused", "resumable", "interrupted")
    assert read_embedding(server.embedding(NAME)).step == paused["step"]

    assert NAME in page.generate(f"a photo of a {NAME}")
    server.post(f"runs/{paused['id']}/resume")
    server.reach(NAME, paused["step"] + 3)
    run = server.run(NAME)
    server.post(f"runs/{run['id']}/interrupt")
    ended = server.state(NAME, "interrupted", "done")
    assert ended["step"] > paused["step"]

    step = f"a photo of a {NAME}@10"
    assert f"{NAME}@10" in page.generate(step, seed=2)
    answer = server.post("/sdapi/v1/txt2img", **small(step))
    other = server.post("/sdapi/v1/txt2img", **small(f"a photo of a {NAME}"))
    assert "Embeddings: rosy1@10" in json.dumps(answer["info"])
    assert answer["images"] != other["images"]


def test_all_is_found_again(server: Any, window: Callable[[], Any], pictures: Path) -> None:
    log = {"log_dir": str(server.folder / "log")}
    server.create("long1")
    server.create("next1")
    server.train("long1", pictures, steps=100_000, save_every=10, **log)
    queued = server.train("next1", pictures, steps=12, **log)
    assert server.run("next1")["state"] == "waiting"
    server.reach("long1", 25)
    step = server.run("long1")["step"]
    server.restart()

    assert {"long1", "next1"} <= names(server.get("embeddings")["embeddings"])
    found, left = server.run("long1"), server.run("next1")
    assert found["state"] == "resumable"
    assert 20 <= found["step"] <= step + 5
    assert (left["id"], left["state"]) == (queued, "held")
    page = window()
    page.our_tab("Train")
    assert page.page.wait_for_selector(f"{MONITOR} option:has-text('long1')", state="attached")
    server.post(f"runs/{queued}/start")
    assert server.state("next1", "done", "failed", "stopped")["state"] == "done"
    assert "long1@10" in page.generate("a photo of a long1@10")


def test_another_checkpoint_chosen_ends_a_run_and_is_loaded(server: Any, pictures: Path) -> None:
    server.create("short1")
    server.train("short1", pictures, steps=100_000, log_dir=str(server.folder / "log"))
    server.reach("short1", 3)
    server.post("/sdapi/v1/options", sd_model_checkpoint="Diffusers/other-model")
    ended = server.state("short1", "failed", "interrupted", "done")
    assert "Another checkpoint was chosen (other-model in place of demo-model)" in ended["message"]
    server.wait(lambda: "other-model" in json.dumps(server.get("/sdapi/v1/checkpoint")), "the other checkpoint")
    server.post("/sdapi/v1/options", sd_model_checkpoint="Diffusers/demo-model")
    server.wait(lambda: "demo-model" in json.dumps(server.get("/sdapi/v1/checkpoint")), "the first checkpoint")


def test_a_login_guards_our_routes_and_others_get_no_paths(server: Any, pictures: Path) -> None:
    server.restart("--auth", "ann:one", "--listen")
    try:
        assert server.ask("runs")[0] in (401, 403)
        assert server.ask("runs", login=("ann", "two"))[0] in (401, 403)
        assert server.ask("runs", login=("ann", "one"))[0] == 200
        body = {"name": "x", "data": ["/etc"], "steps": 1}
        status, answer = server.ask("train", body, login=("ann", "one"))
        assert status >= 400
        assert "/etc" in json.dumps(answer)
    finally:
        server.restart()


def small(prompt: str) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "seed": 3,
        "steps": 2,
        "width": 64,
        "height": 64,
        "cfg_scale": 4,
        "sampler_name": "Euler a",
    }
