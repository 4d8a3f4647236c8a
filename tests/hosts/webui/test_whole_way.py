"""The whole way of an embedding, in any web UI and with any checkpoint: made, trained, paused, drawn, used, found again.

Steps of a checkpoint of SD 1.5's size take seconds on a processor, so they are few.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from webui_page import MONITOR, TAB, Window
from webui_server import Server, embedding_file, names

from textual_inversion.core.formats import read_embedding

pytestmark = [pytest.mark.host, pytest.mark.slow]
NAME, STEPS = "wholeway1", 30


def test_the_whole_way(server: Server, window: Callable[[], Window], pictures: Path) -> None:
    page = window()
    _create(page, server)
    _start(page, pictures)
    page.reload()
    page.our_tab("Train")
    page.state("running")
    _pause_and_draw(page, server)
    page.act("resume")
    page.state("running")
    ended = server.state(NAME, "done", "failed", "stopped")
    assert (ended["state"], ended["step"]) == ("done", STEPS), ended["message"]
    _written(server)
    _use(page)
    server.restart()
    _found_again(window(), server)
    assert "Traceback" not in server.log


def _create(page: Window, server: Server) -> None:
    page.our_tab("Create")
    page.fill("create", name=NAME, init_text="shape", vectors=2)
    page.press("create")
    page.see(f"{TAB} .ti-message-done")
    assert embedding_file(server, NAME).is_file()


def _start(page: Window, pictures: Path) -> None:
    page.our_tab("Train")
    assert page.page.input_value("#ti-train-name input") == NAME
    page.fill(
        "train", data=pictures, learning_rate="0.02", steps=STEPS, width=64, height=64, save_every=10, image_every=15
    )
    page.press("train")
    page.state("running")
    page.reach(3)


def _pause_and_draw(page: Window, server: Server) -> None:
    page.act("pause")
    page.state("paused")
    paused_at = server.run(NAME)["step"]
    assert paused_at >= 3
    assert NAME in page.generate(f"a photo of a {NAME}")
    assert server.run(NAME)["step"] == paused_at
    page.our_tab("Train")


def _written(server: Server) -> None:
    assert read_embedding(embedding_file(server, NAME)).step == STEPS
    folder = next((server.folder / "textual_inversion").glob(f"*/{NAME}"))
    assert {path.name for path in (folder / "embeddings").iterdir()} == {f"{NAME}-{step}.pt" for step in (10, 20, 30)}
    assert {path.name for path in (folder / "images").iterdir()} == {f"{NAME}-{step}.png" for step in (15, 30)}
    with (folder / "textual_inversion_loss.csv").open(newline="") as table:
        assert int(list(csv.DictReader(table))[-1]["step"]) == STEPS


def _use(page: Window) -> None:
    """By its card, and at a step that was kept."""
    page.cards(refresh=False)
    page.page.fill("#txt2img_prompt textarea", "a photo of a ")
    card = page.card(NAME)
    assert str(STEPS) in card.inner_text()
    card.click()
    assert " ".join(page.prompt.split()) == f"a photo of a {NAME}"
    infotext = page.generate()
    assert "TI: " in infotext or "TI hashes" in infotext
    assert f"{NAME}@10" in page.generate(f"a photo of a {NAME}@10", seed=2)
    shown = page.generate(f"a photo of a {NAME}@7", seed=3)
    assert "no copy of step 7 was found" in shown


def _found_again(page: Window, server: Server) -> None:
    assert NAME in names(server.get("embeddings")["embeddings"])
    assert server.run(NAME)["step"] == STEPS
    page.our_tab("Train")
    assert page.page.wait_for_selector(f"{MONITOR} option:has-text('{NAME}')", state="attached")
    page.our_tab("Library")
    page.see(f"{TAB} [data-ti-library] :text('{NAME}')")
    assert f"{NAME}@20" in page.generate(f"a {NAME} and a {NAME}@20")
