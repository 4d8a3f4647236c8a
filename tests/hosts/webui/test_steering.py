"""Interrupt, pause for a picture, resume: from the monitor and from the web UI's own buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from webui_page import MONITOR, Window
from webui_server import Server, embedding_file

from textual_inversion.core.formats import read_embedding

pytestmark = pytest.mark.host
LONG = 100_000


def test_pause_make_a_picture_and_resume(server: Server, window: Callable[[], Window], pictures: Path) -> None:
    server.create("paused1")
    run = server.train("paused1", pictures, steps=LONG)
    page = window()
    page.our_tab("Train")
    page.state("running")
    page.reach(3)
    page.act("pause")
    page.state("paused")
    paused_at = server.run("paused1")["step"]
    assert paused_at >= 3

    assert "paused1" in page.generate("a photo of a paused1")
    assert server.run("paused1")["step"] == paused_at

    page.our_tab("Train")
    page.act("resume")
    page.state("running")
    page.reach(paused_at + 3)
    page.act("interrupt")
    page.state("interrupted")
    ended = server.run("paused1")
    assert ended["id"] == run
    assert read_embedding(embedding_file(server, "paused1")).step == ended["step"] > paused_at


def test_the_web_uis_own_interrupt(server: Server, window: Callable[[], Window], pictures: Path) -> None:
    server.create("stopped1")
    server.train("stopped1", pictures, steps=LONG)
    server.reach("stopped1", 3)
    server.post("/sdapi/v1/interrupt")
    assert server.state("stopped1", "interrupted", "done", "failed")["state"] == "interrupted"
    page = window()
    page.our_tab("Train")
    page.see(f'{MONITOR} [data-act="resume"]:visible')


def test_a_picture_waits_for_its_turn(server: Server, pictures: Path) -> None:
    """Another tab's picture is made after the run, not in the middle of it."""
    server.create("ahead1")
    server.train("ahead1", pictures, steps=20)
    server.post("/sdapi/v1/txt2img", prompt="a photo of a ahead1", steps=1, width=64, height=64)
    assert server.run("ahead1")["state"] == "done"
