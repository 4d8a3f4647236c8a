"""What a person changes in the web UI while a run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from webui_server import DEMO, OTHER, Server, embedding_file

from textual_inversion.core.formats import read_embedding

pytestmark = pytest.mark.host


@pytest.fixture
def put_back(server: Server) -> Iterator[None]:
    yield
    server.option(CLIP_stop_at_last_layers=1, sd_model_checkpoint=f"{DEMO}.safetensors")


def vectors(server: Server, name: str) -> torch.Tensor:
    return next(iter(read_embedding(embedding_file(server, name)).vectors.values()))


@pytest.mark.usefixtures("put_back")
def test_refresh_and_clip_skip_do_not_touch_a_run(server: Server, pictures: Path) -> None:
    """The same bits as of a run that was left alone."""
    for name in ("calm1", "stirred1"):
        server.create(name)
        server.train(name, pictures, steps=60, seed=3)
        if name == "stirred1":
            server.reach(name, 5)
            server.post("/sdapi/v1/refresh-checkpoints")
            server.option(CLIP_stop_at_last_layers=2)
            server.reach(name, 15)
        assert server.state(name, "done", "failed", "stopped")["state"] == "done"
        server.option(CLIP_stop_at_last_layers=1)
    assert torch.equal(vectors(server, "calm1"), vectors(server, "stirred1"))


@pytest.mark.usefixtures("put_back")
def test_another_checkpoint_ends_the_run_saved_and_is_then_loaded(server: Server, pictures: Path) -> None:
    server.create("left1")
    server.train("left1", pictures, steps=100_000)
    server.reach("left1", 5)
    server.option(sd_model_checkpoint=f"{OTHER}.safetensors")
    run = server.state("left1", "stopped", "failed", "interrupted", "done")
    assert run["state"] in ("stopped", "interrupted")
    assert OTHER in run["message"]
    assert read_embedding(embedding_file(server, "left1")).step == run["step"] >= 5

    server.post("/sdapi/v1/txt2img", prompt="a photo of a left1", steps=1, width=64, height=64)
    assert OTHER in server.get("/sdapi/v1/options")["sd_model_checkpoint"]
    status, answer = server.ask(f"runs/{run['id']}/resume", {})
    outcome = answer.get("error") or server.state("left1", "failed", "stopped", "interrupted")["message"]
    assert DEMO in outcome, (status, answer)

    server.option(sd_model_checkpoint=f"{DEMO}.safetensors")
    resumed = server.post(f"runs/{run['id']}/resume")["run"]
    server.reach("left1", run["step"] + 3)
    server.post(f"runs/{resumed}/interrupt")
    server.state("left1", "interrupted")
