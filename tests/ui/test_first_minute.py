"""*Try it with the demo's pictures*: one click makes an embedding, starts the run, and a sheet follows its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from engine_world import World, make_world
from fake_training import wait_for

from textual_inversion.core.dataset.templates import shipped_templates_dir
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.run.train import train
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.ui.app import GENERATE
from textual_inversion.ui.first_minute import FirstMinute
from textual_inversion.ui.tab_train import TrainTab


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.host.template_dirs = [*world.host.template_dirs, shipped_templates_dir()]
    return world


@pytest.fixture
def manager(world: World) -> Iterator[RunManager]:
    log = world.folder / "out" / "log"
    manager = RunManager(world.host, FifoGate(), train=train, log_dirs=[log], defaults={"log_dir": str(log)})
    yield manager
    manager.close(10)


def drawn(manager: RunManager) -> tuple[FirstMinute, TrainTab]:
    with gr.Blocks():
        first, train_tab = FirstMinute(manager), TrainTab(manager, prompts=GENERATE)
        train_tab.wire()
        first.wire(train_tab, prompt=gr.Textbox())
    return first, train_tab


def test_one_click_and_everything_is_there(manager: RunManager, world: World) -> None:
    first, tab = drawn(manager)
    told, prompt, preset, *fields = first.start(tab)
    (run,) = manager.runs()
    assert f'data-run="{run["id"]}"' in told
    assert 'data-opens="ti-tab-train"' in told
    assert prompt == gr.update(value="a photo of a demo-concept")
    assert preset == gr.update(value=None)
    shown = dict(zip(tab.form.widgets, fields, strict=True))
    assert shown["name"]["value"] == "demo-concept"
    assert shown["steps"]["value"] == 300
    assert len(list((world.folder / "out" / "demo" / "pictures").glob("*.png"))) == 8
    sheet = wait_for(lambda: (newest := manager.sheets.newest()) and newest.state == "done" and newest, seconds=60)
    assert [label for label, _ in sheet.plan.columns] == ["before", "step 75", "step 150", "step 225", "step 300"]
    assert all("demo-concept" in prompt for prompt in sheet.plan.prompts)
    assert sheet.plan.path.is_file()
    assert read_embedding(world.folder / "embeddings" / "demo-concept.pt").step == 300


def test_a_second_time_another_name_is_taken(manager: RunManager, world: World) -> None:
    first, _ = drawn(manager)
    world.create(name="Demo-Concept")
    assert first._free_name() == "demo-concept-2"
    world.create(name="demo-concept-2")
    assert first._free_name() == "demo-concept-3"


def test_what_is_in_the_way_is_a_sentence(manager: RunManager, world: World) -> None:
    first, tab = drawn(manager)
    world.create()
    manager.start(
        manager.config({"name": "thing", "data": [str(world.folder / "pictures")], "steps": 1_000_000, "width": 64})
    )
    told, *others = first.start(tab)
    assert "is being trained and has the model" in told
    assert set(map(str, others)) == {str(gr.update())}
