"""Presets in the Train tab: an embedding whose vectors are not the preset's, and one that is made anew for it."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from engine_world import World, make_world

from textual_inversion.core.dataset.templates import shipped_templates_dir
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.run.train import train
from textual_inversion.core.settings.presets import PAIR_PRESETS, PLAIN_PRESETS
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.ui.app import BEGINS_WITH, GENERATE
from textual_inversion.ui.filler import PAIRS, preset_called
from textual_inversion.ui.tab_train import TrainTab

SUBJECT = PLAIN_PRESETS[0]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.host.template_dirs = [*world.host.template_dirs, shipped_templates_dir()]
    return world


@pytest.fixture
def tab(world: World) -> TrainTab:
    return drawn(RunManager(world.host, FifoGate(), train=train))


def drawn(manager: RunManager, **options: object) -> TrainTab:
    with gr.Blocks():
        tab = TrainTab(manager, prompts=GENERATE, **options)
        tab.wire()
    return tab


def test_a_preset_says_that_the_embedding_has_other_vectors(world: World, tab: TrainTab) -> None:
    world.create(vectors=3)
    note = tab._filler.vectors_note(SUBJECT.label, "thing")
    assert note == (
        "thing has 3 vectors, and this preset is for 8. Create is filled in for 8; go on with 3, or make thing anew."
    )
    values = [widget.value for widget in tab.form.inputs]
    values[list(tab.form.widgets).index("name")] = "thing"
    assert f"<li>{note}</li>" in tab._filler.use_preset(SUBJECT.label, *values)[-1]
    given = [world.config().to_mapping()[name] for name in tab.form.widgets]
    lines = dict(zip(tab.form.widgets, given, strict=True)) | {
        "data": str(world.folder / "pictures"),
        "preview_prompts": "",
    }
    assert note in tab.check(*lines.values(), preset=SUBJECT.label)
    assert note not in tab.check(*lines.values())


def test_an_embedding_that_learned_nothing_is_made_anew_from_its_own_words(world: World, tab: TrainTab) -> None:
    path = world.create(vectors=3, init_text="red round")
    assert tab._filler._offer(SUBJECT.label, "thing") == gr.update(visible=True, value="Make thing anew with 8 vectors")
    told, button = tab._filler.make_anew(SUBJECT.label, "", "thing")
    assert "thing has 8 vectors now, and begins as &#x27;red round&#x27;." in told
    assert button == gr.update(visible=False)
    assert (read_embedding(path).count, read_embedding(path).step) == (8, 0)
    assert tab._filler._offer(SUBJECT.label, "thing") == gr.update(visible=False)


def test_what_was_trained_is_never_made_anew_by_a_preset(world: World, tab: TrainTab) -> None:
    path = world.create(vectors=3)
    world.train(world.config(steps=2))
    before = path.read_bytes()
    assert tab._filler._offer(SUBJECT.label, "thing") == gr.update(visible=False)
    told, _ = tab._filler.make_anew(SUBJECT.label, "", "thing")
    assert "has been trained already" in told
    assert path.read_bytes() == before


def test_pairs_stand_for_the_first_of_their_list(tab: TrainTab) -> None:
    assert preset_called(PAIRS) is PAIR_PRESETS[0]
    assert preset_called("nothing like it") is None
    assert "There is no preset" in tab._filler.use_preset("gone", *[widget.value for widget in tab.form.inputs])[-1]


def test_the_app_begins_with_a_preset_and_a_web_ui_with_its_own_values(world: World) -> None:
    manager = RunManager(world.host, FifoGate(), train=train)
    app, web_ui = drawn(manager, begins_with=BEGINS_WITH), drawn(manager)
    shown = {name: widget.value for name, widget in app.form.widgets.items()}
    assert (shown["steps"], shown["learning_rate"]) == (500, "0.01 cosine")
    assert web_ui.form.widgets["steps"].value == 100_000
    assert app._filler.preset.value == BEGINS_WITH.label
    assert web_ui._filler.preset.value is None


def test_sizes_follow_the_checkpoint_until_a_person_has_chosen(world: World, tab: TrainTab) -> None:
    assert tab.form.widgets["width"].value == 64
    world.host.native_size = 1024
    *_, side, width, height = tab._refresh_all("", 64, 64, 640)
    assert (side, width, height) == (1024, gr.update(value=1024), gr.update())


def test_an_only_embedding_is_chosen(world: World, tab: TrainTab) -> None:
    assert "value" not in tab.refresh_only()
    world.create()
    assert tab.refresh_only()["value"] == "thing"
    world.create(name="other")
    assert "value" not in tab.refresh_only()
