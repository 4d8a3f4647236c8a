"""The Library clicked through in Chromium: look, rename, undo, delete, put back, make, set a picture, compare; nothing runs as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from chromium import NEEDS_IT, launched, new_page, open_tab
from engine_world import World, make_world
from PIL import Image

from textual_inversion.core.base.files import write_json
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.record.run_folder import RunDirectory
from textual_inversion.core.settings.train_config import TrainConfig

NASTY = "<img src=x onerror=window.hacked=1>"

pytestmark = NEEDS_IT


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = make_world(tmp_path_factory.mktemp("library"))
    fill(world.folder / "embeddings", world.folder / "log")
    return world


def fill(embeddings: Path, log: Path) -> None:
    def add(file: str, **about: object) -> None:
        rows = torch.randn(2, 16, generator=torch.Generator().manual_seed(len(file)))
        write_embedding(Embedding(vectors={"*": rows}, **{"name": Path(file).stem, **about}), embeddings / file)

    add("zebra1.pt", step=20, notes={"init_text": NASTY}, checkpoint_name=NASTY)
    write_json(embeddings / "zebra1.json", {"notes": NASTY, "description": NASTY})
    add("moon.pt")
    add("carrier.png", name=NASTY)
    (embeddings / "broken.pt").write_bytes(b"rubbish")
    run = RunDirectory(log / "2026-01-01" / "zebra1", "zebra1")
    config = TrainConfig(name="zebra1", data=("x",), width=64, height=64, preview_prompts=(f"[name] {NASTY}",))
    write_json(run.plan, {"config": config.to_mapping()})
    for step in (10, 20):
        rows = torch.full((2, 16), float(step))
        write_embedding(Embedding(vectors={"*": rows}, name="zebra1", step=step), run.copy(step, ".pt"))
        run.image(step).parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 64), (step, 0, 0)).save(run.image(step))


@pytest.fixture(scope="module")
def page(world: World) -> Iterator[object]:
    from textual_inversion.ui.standalone import serving

    with serving(world.host, port=7960, log_dir=str(world.folder / "log")) as url, launched() as browser:
        page = new_page(browser)
        page.goto(url)
        open_tab(page, "Library")
        page.wait_for_selector(".ti-lib-card")
        yield page
        assert page.faults == []
        assert page.evaluate("window.hacked") is None


def card(name: str) -> str:
    return f'.ti-lib-card:has(b:text-is("{name}"))'


def form(page: object, title: str) -> object:
    return page.locator(f'.ti-dialog[aria-label="{title}"]')


def choose(page: object, name: str) -> None:
    page.click(card(name))
    page.wait_for_selector(f'.ti-lib-details h3:text-is("{name}")')


def test_the_list_and_one_of_it(page: object) -> None:
    names = page.locator(".ti-lib-card b").all_inner_texts()
    assert sorted(names) == sorted([NASTY, "broken", "moon", "zebra1"])
    page.fill(".ti-lib-bar input", "unreadable")
    page.wait_for_function("document.querySelectorAll('.ti-lib-card').length === 1")
    choose(page, "broken")
    assert "it is a text ('rubbish')" in page.inner_text(".ti-lib-details")
    page.fill(".ti-lib-bar input", "")
    choose(page, "zebra1")
    text = page.inner_text(".ti-lib-details")
    assert NASTY in text
    assert "2 saved steps (10 to 20)" in text
    page.click('[data-act="nearest"]')
    page.wait_for_function("document.querySelector('.ti-lib-told').textContent.includes('Measured with fake')")
    assert "word" in page.inner_text(".ti-lib-table")


def test_rename_and_undo(page: object, world: World) -> None:
    choose(page, "moon")
    page.click('[data-act="rename"]')
    name = form(page, "Rename").locator("input")
    for wrong, words in (("a/b", "separates folders"), ("zebra1", "is taken")):
        name.fill(wrong)
        form(page, "Rename").locator('[data-act="go"]').click()
        page.wait_for_function(
            "words => document.querySelector('.ti-lib-details')?.textContent.includes(words)", arg=words
        )
    name.fill("star")
    form(page, "Rename").locator('[data-act="go"]').click()
    page.wait_for_selector(card("star"))
    assert (world.folder / "embeddings" / "star.pt").is_file()
    page.click('[data-act="undo"]')
    page.wait_for_selector(card("moon"))
    assert (world.folder / "embeddings" / "moon.pt").is_file()


def test_delete_and_put_back(page: object, world: World) -> None:
    choose(page, "moon")
    page.click('.ti-lib-details [data-act="delete"]')
    page.wait_for_selector(card("moon"), state="detached")
    page.click('[data-act="trash"]')
    page.click('[data-act="restore"]')
    page.wait_for_selector(card("moon"))
    page.wait_for_function("document.querySelector('[data-act=trash]').textContent === 'Trash'")
    page.click('[data-act="trash"]')
    assert (world.folder / "embeddings" / "moon.pt").is_file()


def test_a_new_one_a_file_and_a_picture(page: object, world: World) -> None:
    page.click('[data-act="combine"]')
    made = form(page, "Make a new one from others")
    made.locator("select").first.select_option("join")
    made.locator('[data-field="name"] :is(input, textarea)').fill("both")
    made.locator('[data-act="go"]').click()
    page.wait_for_selector(card("both"))

    page.click('[data-act="extract"]')
    added = form(page, "Add from a file or picture")
    added.locator("input[type=file]").set_input_files(str(world.folder / "embeddings" / "carrier.png"))
    added.locator('[data-field="name"] :is(input, textarea)').fill("taken out")
    added.locator('[data-act="go"]').click()
    page.wait_for_selector(card("taken out"))
    assert (world.folder / "embeddings" / "taken out.pt").is_file()

    choose(page, "zebra1")
    page.locator(".ti-lib-details [data-field=notes] :is(input, textarea)").fill("not saved yet")
    page.click('[data-act="picture"]')
    page.locator(".ti-strip button").last.click()
    page.wait_for_selector('.ti-lib-message:has-text("The card shows it now")')
    assert page.input_value(".ti-lib-details [data-field=notes] :is(input, textarea)") == "not saved yet"
    assert (world.folder / "embeddings" / "zebra1.preview.png").is_file()
    form(page, "Notes").locator("[data-field=negative] :is(input, textarea)").check()
    form(page, "Notes").locator('[data-act="go"]').click()
    page.wait_for_selector(f"{card('zebra1')} em")


def test_steps_compared(page: object, world: World) -> None:
    choose(page, "zebra1")
    page.click('.ti-lib-details [data-act="sheet"]')
    asked = form(page, "Compare steps")
    assert asked.locator("[data-field=prompts] :is(input, textarea)").input_value() == f"zebra1 {NASTY}"
    asked.locator("[data-field=prompts] :is(input, textarea)").fill("a dog")
    asked.locator('[data-act="go"]').click()
    page.wait_for_function("document.querySelector('.ti-lib-details').textContent.includes('is not in the prompt')")
    asked.locator("[data-field=prompts] :is(input, textarea)").fill(f"zebra1 {NASTY}\na zebra1")
    asked.locator('[data-act="go"]').click()
    page.wait_for_selector('.ti-dialog [data-sheet="done"] .ti-sheet img')
    assert len(list((world.folder / "log").glob("*/zebra1/sheets/*.png"))) == 1
