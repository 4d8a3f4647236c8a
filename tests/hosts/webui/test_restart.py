"""The web UI is ended in the middle of a run, with another one queued, and started again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from webui_page import MONITOR, Window
from webui_server import Server, embedding_file, names

pytestmark = pytest.mark.host


def test_all_is_found_again(server: Server, window: Callable[[], Window], pictures: Path) -> None:
    server.create("long1")
    server.create("next1")
    server.train("long1", pictures, steps=100_000, save_every=10)
    queued = server.train("next1", pictures, steps=12)
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
    resumed = server.post(f"runs/{found['id']}/resume")["run"]
    server.reach("long1", found["step"] + 3)
    server.post(f"runs/{resumed}/interrupt")
    assert server.state("long1", "interrupted")["step"] > found["step"]
    assert embedding_file(server, "long1").is_file()
    assert "long1" in page.generate("a photo of a long1@10")
