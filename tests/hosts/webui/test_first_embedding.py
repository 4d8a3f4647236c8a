"""What a new user does, in a real web UI: create, train, look in between, and use the word."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from webui_page import TAB, Window
from webui_server import Server, embedding_file

from textual_inversion.core.formats import read_embedding

pytestmark = pytest.mark.host
NAME = "rosy1"


def test_create_train_and_use(server: Server, window: Callable[[], Window], pictures: Path) -> None:
    page = window()
    create(page, server)
    start(page, pictures)
    reload_in_the_middle(page)
    refresh_cards_in_the_middle(page, server)
    server.option(CLIP_stop_at_last_layers=2)
    ends_as_planned(page, server)
    server.option(CLIP_stop_at_last_layers=1)
    use_by_card(page)


def create(page: Window, server: Server) -> None:
    page.our_tab("Create")
    page.fill("create", name="../rosy", init_text="shape")
    page.press("create")
    page.see("#ti-create-name .ti-field-note")
    page.fill("create", name=NAME, vectors=2)
    page.press("create")
    page.see(f"{TAB} .ti-message-done")
    assert embedding_file(server, NAME).is_file()


def start(page: Window, pictures: Path) -> None:
    page.our_tab("Train")
    assert page.page.input_value("#ti-train-name input") == NAME
    page.fill("train", data=pictures, learning_rate="0.02", steps=200, width=64, height=64)
    page.fill("train", save_every=50, image_every=50)
    page.press("train")
    page.state("running")
    page.reach(20)


def reload_in_the_middle(page: Window) -> None:
    page.reload()
    page.our_tab("Train")
    page.state("running")
    page.see(f"{TAB} .ti-preview img")


def refresh_cards_in_the_middle(page: Window, server: Server) -> None:
    before = server.run(NAME)["step"]
    page.cards()
    page.card(NAME)
    server.reach(NAME, before + 10)
    assert server.run(NAME)["state"] in ("running", "done")


def ends_as_planned(page: Window, server: Server) -> None:
    run = server.state(NAME, "done", "failed", "stopped")
    assert run["state"] == "done"
    assert run["step"] == 200
    page.our_tab("Train")
    page.state("done")
    assert read_embedding(embedding_file(server, NAME)).step == 200
    folder = next((server.folder / "textual_inversion").glob(f"*/{NAME}"))
    kept = {path.name for path in (folder / "embeddings").iterdir()}
    assert kept == {f"{NAME}-{step}.pt" for step in (50, 100, 150, 200)}
    with (folder / "textual_inversion_loss.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert int(rows[-1]["step"]) == 200


def use_by_card(page: Window) -> None:
    page.cards(refresh=False)
    page.page.fill("#txt2img_prompt textarea", "a photo of a ")
    page.card(NAME).click()
    assert page.prompt == f"a photo of a  {NAME}"
    infotext = page.generate()
    assert f"a photo of a {NAME}" in " ".join(infotext.split())
    assert "TI hashes" in infotext or "TI: " in infotext
