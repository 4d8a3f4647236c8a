"""What fills in the Train form: presets, earlier runs, the txt2img tab; and where its templates come from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from engine_world import World, make_world

from textual_inversion.core.dataset.templates import find_template, shipped_templates_dir
from textual_inversion.core.model.shape import ModelShape, TextShape, unet_blocks
from textual_inversion.core.run.train import train
from textual_inversion.core.settings.presets import PRESETS
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.creation import CreateRequest
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.ui.app import GENERATE
from textual_inversion.ui.estimates import Costs
from textual_inversion.ui.filling import changes, told_changes
from textual_inversion.ui.preview_source import preview_settings, with_previews_from
from textual_inversion.ui.tab_create import CreateTab
from textual_inversion.ui.tab_train import FIRST, TrainTab
from textual_inversion.ui.templates import chosen_template, template_choices


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.host.template_dirs = [*world.host.template_dirs, shipped_templates_dir()]
    return world


@pytest.fixture
def manager(world: World) -> RunManager:
    return RunManager(world.host, FifoGate(), train=train, log_dirs=[world.folder / "log"])


def drawn(manager: RunManager) -> tuple[TrainTab, CreateTab]:
    with gr.Blocks():
        create, tab = CreateTab(manager), TrainTab(manager, prompts=GENERATE)
        tab.wire(create=create.form)
    return tab, create


def shown(tab: TrainTab) -> list[object]:
    return [widget.value for widget in tab.form.inputs]


def filled(tab: TrainTab, updates: list[object]) -> tuple[object, ...]:
    """What the form holds once the updates have reached the page."""
    form = zip(shown(tab), updates, strict=False)
    return tuple(update.get("value", value) for value, update in form)


def test_everyday_fields_stand_in_the_order_of_a1111(manager: RunManager) -> None:
    tab, _ = drawn(manager)
    first = [name for group in FIRST for name in group]
    drawn_in_order = [
        name for name in tab.form.widgets if tab.form.options[name].group != tab.form.options["apt"].group
    ]
    assert drawn_in_order[: len(first)] == first
    labels = [tab.form.widgets[name].label for name in first]
    assert labels[:3] == ["Embedding", "Embedding Learning rate", "Gradient Clipping"]
    assert "Do not resize images" in [
        choice[1] if isinstance(choice, tuple) else choice for choice in tab.form.widgets["fit"].choices
    ]


@pytest.mark.parametrize("preset", PRESETS, ids=[preset.name for preset in PRESETS])
def test_a_preset_fills_in_what_it_names_and_nothing_else(manager: RunManager, preset) -> None:
    tab, create = drawn(manager)
    *updates, told = tab._filler.use_preset(preset.label, *shown(tab))
    assert len(updates) == len(tab.form.inputs) + len(create.form.inputs)
    given = filled(tab, updates)
    own_size = {"width": manager.host.native_size, "height": manager.host.native_size}
    wanted = TrainConfig().replace(**{**manager.defaults, **preset.train, **own_size})
    assert tab.config(given) == wanted
    made = dict(zip(create.form.widgets, updates[len(given) :], strict=True))
    assert {name: made[name]["value"] for name in preset.create} == dict(preset.create)
    assert preset.label in told
    assert set(preset.create) <= set(CreateRequest.__dataclass_fields__)


def test_the_settings_of_any_run_come_back(world: World, manager: RunManager) -> None:
    world.create()
    config = world.config(
        steps=7, fit="none", template="plain.txt", preview_prompts=["a [name]", "two [name]"], clip_skip=2
    )
    world.train(config)
    tab, _ = drawn(manager)
    (choice,) = tab._filler.refresh_runs()["choices"]
    assert choice.startswith("thing, ")
    assert "step 7 of 7" in choice
    *updates, told = tab._filler.use_run(choice, *shown(tab))
    assert tab.config(filled(tab, updates)) == config
    assert "Settings of thing." in told
    assert "<li>Max steps: 100000 \u2192 7</li>" in told
    *again, told = tab._filler.use_run(choice, *filled(tab, updates))
    assert "All of it was set so already." in told
    assert not any("value" in update for update in again)


def test_an_unknown_run_is_a_sentence(manager: RunManager) -> None:
    tab, _ = drawn(manager)
    assert "There is no run" in tab._filler.use_run("gone [0123456789ab]", *shown(tab))[-1]


def test_changes_are_told_by_label() -> None:
    before = {"steps": 100, "data": [], "shuffle_tags": False}
    after = {"steps": 100, "data": ("a", "b"), "shuffle_tags": True}
    told = told_changes(before, changes(before, after))
    assert told == (
        "Dataset directory: none \u2192 a, b",
        "Shuffle tags by ',' when creating prompts: off \u2192 on",
    )


TXT2IMG = {
    "prompt": "a [name],\n red",
    "negative_prompt": "blur",
    "sampler": "DPM++ 2M",
    "scheduler": "Karras",
    "steps": 7,
    "guidance_scale": 5.5,
    "seed": 3.0,
    "width": 640,
    "height": 512,
    "count": 4,
}


def test_previews_as_in_txt2img() -> None:
    config = with_previews_from(TrainConfig(preview_from_txt2img=True), TXT2IMG)
    assert config.preview_prompts == ("a [name], red",)
    assert (config.preview_negative_prompt, config.preview_sampler) == ("blur", "DPM++ 2M Karras")
    assert (config.preview_steps, config.preview_guidance_scale, config.preview_seed) == (7, 5.5, 3)
    assert (config.preview_width, config.preview_height) == (640, 512)


@pytest.mark.parametrize("seed", [-1, -1.0, "-1", "", None, "many"])
def test_a_random_seed_or_none_leaves_the_runs_own(seed: object) -> None:
    assert "preview_seed" not in preview_settings({**TXT2IMG, "seed": seed})
    assert preview_settings({**TXT2IMG, "seed": "12"})["preview_seed"] == 12


def test_previews_as_in_txt2img_only_where_asked_for() -> None:
    assert with_previews_from(TrainConfig(), TXT2IMG) == TrainConfig()
    assert with_previews_from(TrainConfig(preview_from_txt2img=True), {}) == TrainConfig(preview_from_txt2img=True)
    empty = preview_settings({"prompt": "  ", "sampler": "Euler a", "scheduler": "Automatic"})
    assert empty == {"preview_sampler": "Euler a"}


def test_templates_of_all_three_are_marked_and_found_by_name(world: World, tmp_path: Path) -> None:
    (folder, _) = world.host.template_dirs
    for name in ("style.txt", "custom_subject_filewords.txt"):
        (folder / name).write_text("a photo of [name], [filewords]")
    choices = template_choices(world.host)
    assert {"custom_subject_filewords.txt (yours)", "style.txt (web UI)", "style.txt (shipped)"} <= set(choices)
    assert next(iter(choices)).endswith("(yours)")
    for shown_as, where in (("style.txt (web UI)", folder), ("style.txt (shipped)", shipped_templates_dir())):
        chosen = chosen_template(world.host, shown_as)
        assert find_template(chosen, world.host.template_dirs) == where / "style.txt"
    (folder / "dropped in.txt").write_text("[name]")
    assert "dropped in.txt (yours)" in template_choices(world.host)
    assert find_template("dropped in", world.host.template_dirs) == folder / "dropped in.txt"


def test_advice_on_vectors(manager: RunManager, world: World) -> None:
    _, create = drawn(manager)
    assert "23 pictures: 5 to 6 vectors are advised." in create.advise("23")
    assert "3 pictures: 2 to 3 vectors are advised." in create.advise(str(world.folder / "pictures"))
    assert "does not exist" in create.advise("/nowhere/at all")
    assert create.advise(" ") == ""
    assert "nothing can be learned" in create.advise("0")


SHAPE = ModelShape(
    unet=unet_blocks(channels=(32, 64), blocks=1, depths=(1, 0), middle_depth=1),
    text=[TextShape(layers=1, width=16, inner_width=64)],
    vae_channels=(16, 32),
    weights={"unet": 2_000_000_000, "text": 500_000_000, "vae": 0},
    device="cpu",
)


def test_the_check_tells_what_a_run_takes(manager: RunManager, world: World) -> None:
    shape = SHAPE
    told = SimpleNamespace(host=SimpleNamespace(model_shape=lambda: shape), log_dirs=manager.log_dirs)
    costs = Costs.of(world.config(), [(64, 64)], steps=10, manager=told)
    assert costs.sentence.startswith("Takes about 2.6 GB of memory (2.5 GB of it for the model); ")
    assert costs.advice == ()
    world.create()
    world.train(world.config(steps=12))
    told.host.model_shape = lambda: ModelShape(
        **{**vars(shape), "text": [TextShape(layers=1, width=16, inner_width=64)]}
    )
    assert "; about " in Costs.of(world.config(), [(64, 64)], steps=10, manager=told).sentence


def test_too_little_memory_is_said_with_what_helps(
    manager: RunManager, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textual_inversion.ui import estimates

    monkeypatch.setattr(estimates, "free_memory", lambda device: 50_000_000)
    card = ModelShape(**{**vars(SHAPE), "device": "cuda:0"})
    told = SimpleNamespace(host=SimpleNamespace(model_shape=lambda: card), log_dirs=manager.log_dirs)
    config = world.config(width=512, height=512, batch_size=4)
    (advice,) = estimates.Costs.of(config, [(512, 512)], steps=10, manager=told).advice
    assert " beside the model, and 50 MB are free on cuda:0. To need less: computing all again (" in advice
    assert "batch size 1 with 4 accumulation steps (" in advice
    small = estimates.Costs.of(world.config(), [(64, 64)], steps=10, manager=told)
    assert small.advice == ()
