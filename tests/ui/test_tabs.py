"""What the tabs' buttons do, without a browser."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from engine_world import World, make_world

from textual_inversion.core.run.train import train
from textual_inversion.runs.creation import CreateRequest, create_embedding
from textual_inversion.runs.errors import ConflictError
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.ui.app import GENERATE
from textual_inversion.ui.generation import GenerateRequest, generate
from textual_inversion.ui.tab_generate import GenerateTab
from textual_inversion.ui.tab_train import TrainTab


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def manager(world: World):
    manager = RunManager(world.host, FifoGate(), train=train)
    yield manager
    manager.close(10)


def train_tab(manager: RunManager, world: World, **values: object) -> tuple[TrainTab, list]:
    with gr.Blocks():
        tab = TrainTab(manager, prompts=GENERATE)
    config = world.config(**values).to_mapping()
    lines = {"data": "\n".join(config["data"]), "preview_prompts": ""}
    return tab, [{**config, **lines}[name] for name in tab.form.widgets]


def test_create_check_train(manager: RunManager, world: World) -> None:
    path, _ = create_embedding(manager, CreateRequest(name="thing", init_text="red", vectors=2))
    assert path.is_file()
    tab, given = train_tab(manager, world, steps=30)
    assert tab.refresh_names("thing")["value"] == "thing"
    assert "3 pictures (64x64), all with captions. 30 steps show each of them 10 times." in tab.check(*given)
    assert "data-run=" in tab.start(*given)
    (run,) = manager.runs()
    manager.run(run["id"]).join(20)
    assert manager.describe(run["id"])["state"] == "done"
    answer = tab.check(*given)
    assert "has had 30 steps already" in answer
    assert 'data-field="ti-train-steps"' in answer


def test_mistakes_are_told_beside_their_field(manager: RunManager, world: World) -> None:
    tab, given = train_tab(manager, world)
    answer = tab.start(*given)
    assert 'data-field="ti-train-name"' in answer
    assert "There is no embedding called" in answer
    assert manager.runs() == []


def test_an_embedding_in_training_is_not_overwritten(manager: RunManager, world: World) -> None:
    create_embedding(manager, CreateRequest(name="thing"))
    tab, given = train_tab(manager, world, steps=1_000_000)
    tab.start(*given)
    with pytest.raises(ConflictError, match="'thing' is being trained"):
        create_embedding(manager, CreateRequest(name="thing", overwrite=True))
    (run,) = manager.runs()
    manager.pause(run["id"])
    manager.run(run["id"]).join(20)
    with pytest.raises(ConflictError, match="'thing' is being trained"):
        create_embedding(manager, CreateRequest(name="thing", overwrite=True))
    create_embedding(manager, CreateRequest(name="other"))


def test_pictures_come_one_by_one_with_their_own_seeds(manager: RunManager) -> None:
    request = GenerateRequest(prompt="thing", seed=2**32 - 1, count=3, width=64, height=64)
    counts = [len(pictures) for pictures in generate(manager, request)]
    assert counts == [1, 2, 3]


def test_the_gallery_keeps_how_a_picture_was_made(manager: RunManager) -> None:
    with gr.Blocks():
        tab = GenerateTab(manager, samplers=["Euler a"], defaults={"width": 64, "height": 64})
    given = {**{name: widget.value for name, widget in tab.form.widgets.items()}, "prompt": "a thing", "count": 1}
    *_, (images, texts, first, told) = tab.make(*given.values())
    assert images[0].info["parameters"] == texts[0] == first
    assert "1 of 1 pictures" in told
    *_, (_, _, _, refused) = tab.make(*{**given, "count": 0}.values())
    assert 'data-field="ti-generate-count"' in refused
