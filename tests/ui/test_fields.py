"""The widgets and the configuration are the same set of fields, and values come back as they were shown."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gradio as gr
import pytest
from fake_host import FakeHost

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.base.options import build, choices_of, options_of
from textual_inversion.core.dataset.templates import shipped_templates_dir
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.creation import CreateRequest
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.ui.app import GENERATE
from textual_inversion.ui.fields import Form
from textual_inversion.ui.generation import GenerateRequest
from textual_inversion.ui.tab_create import CreateTab
from textual_inversion.ui.tab_generate import GenerateTab
from textual_inversion.ui.tab_train import TrainTab


@pytest.fixture
def manager(tmp_path: Path) -> RunManager:
    host = FakeHost(tmp_path)
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "mine.txt").write_text("[name]")
    host.template_dirs = [templates, shipped_templates_dir()]
    defaults = {"width": 64, "height": 64, "log_dir": "logs"}
    return RunManager(host, FifoGate(), train=lambda *a, **k: pytest.fail("nothing is trained here"), defaults=defaults)


@pytest.fixture
def tab(manager: RunManager) -> TrainTab:
    with gr.Blocks():
        return TrainTab(manager, prompts=GENERATE)


def shown(form: Form) -> tuple:
    return tuple(widget.value for widget in form.inputs)


def choices_shown(dropdown: gr.Dropdown) -> list[str]:
    """Gradio 3 keeps texts, later versions (label, value)."""
    return [choice if isinstance(choice, str) else choice[1] for choice in dropdown.choices]


def test_every_field_of_a_run_has_a_widget(tab: TrainTab) -> None:
    assert set(tab.form.widgets) == {field.name for field in dataclasses.fields(TrainConfig)}


def test_every_field_of_the_other_forms_has_a_widget(manager: RunManager) -> None:
    with gr.Blocks():
        name = CreateTab(manager).name
        generate = GenerateTab(manager, samplers=["Euler a"], defaults={})
    assert name.elem_id == "ti-create-name"
    assert set(generate.form.widgets) == set(options_of(GenerateRequest))
    with gr.Blocks() as page:
        CreateTab(manager)
    ids = {block.elem_id for block in page.blocks.values()}
    assert {f"ti-create-{name}" for name in options_of(CreateRequest)} <= ids


def test_what_is_shown_is_what_is_meant(tab: TrainTab) -> None:
    given = list(shown(tab.form))
    given[list(tab.form.widgets).index("name")] = "cat"
    assert tab.config(tuple(given)) == TrainConfig(name="cat", width=64, height=64, log_dir="logs")


def test_labels_help_and_choices_are_those_of_the_config(tab: TrainTab) -> None:
    for name, option in options_of(TrainConfig).items():
        widget = tab.form.widgets[name]
        assert (widget.label, widget.info) == (option.label, option.help)
        assert widget.elem_id == f"ti-train-{name}"
        if choices := choices_of(TrainConfig, name):
            assert choices_shown(widget) == [(option.shown or {}).get(choice, choice) for choice in choices]
        if isinstance(widget, gr.Slider):
            assert (widget.minimum, widget.maximum, widget.step) == (option.low, option.high, option.step)


def test_distinct_values_come_back_to_their_own_field() -> None:
    with gr.Blocks():
        form = Form(TrainConfig, form="train")
        form.show(options_of(TrainConfig))
    given = {name: f"value {index}" for index, name in enumerate(form.widgets)}
    back = form.values(["" if name in ("data", "preview_prompts", "lora") else value for name, value in given.items()])
    assert {name: back[name] for name in given if name not in ("data", "preview_prompts", "lora")} == {
        name: value for name, value in given.items() if name not in ("data", "preview_prompts", "lora")
    }


def test_lines_are_lists_and_empty_is_empty() -> None:
    with gr.Blocks():
        form = Form(TrainConfig, form="train")
        form.show(["data", "clip_skip", "filename_join", "learning_rate"])
    config = TrainConfig.from_mapping(form.values([" a*3 \n\nb\n", None, ", ", " 0.01 "]))
    assert (config.data, config.clip_skip, config.filename_join, config.learning_rate) == (
        ("a*3", "b"),
        None,
        ", ",
        "0.01",
    )


@pytest.mark.parametrize(("typed", "meant"), [("", None), (None, None), (" 2 ", 2), (2, 2)])
def test_a_number_that_may_be_left_empty(typed: object, meant: int | None) -> None:
    with gr.Blocks():
        form = Form(TrainConfig, form="train")
        form.show(["clip_skip"])
    assert TrainConfig.from_mapping(form.values([typed])).clip_skip == meant
    with pytest.raises(InputError, match="'two' is not a whole number") as caught:
        TrainConfig.from_mapping(form.values(["two"]))
    assert caught.value.field == "clip_skip"


@pytest.mark.parametrize(("typed", "meant"), [("", None), (None, None), (" 0.97 ", 0.97), ("0", 0.0)])
def test_a_share_that_may_be_left_empty(typed: object, meant: float | None) -> None:
    with gr.Blocks():
        form = Form(TrainConfig, form="train")
        form.show(["negative_ema"])
    assert TrainConfig.from_mapping(form.values([typed])).negative_ema == meant


def test_an_emptied_number_is_refused_by_name(tab: TrainTab) -> None:
    given = list(shown(tab.form))
    given[list(tab.form.widgets).index("steps")] = None
    with pytest.raises(InputError) as caught:
        tab.config(tuple(given))
    assert caught.value.field == "steps"


def test_templates_are_marked_by_where_they_are_from(tab: TrainTab, manager: RunManager) -> None:
    choices = choices_shown(tab.form.widgets["template"])
    assert choices[0] == "mine.txt (yours)"
    assert "style_filewords.txt (shipped)" in choices
    given = list(shown(tab.form))
    place = list(tab.form.widgets).index("template")
    for typed, meant in (("mine.txt (yours)", "mine.txt"), ("/some/where.txt", "/some/where.txt")):
        given[place] = typed
        assert tab.config(tuple(given)).template == meant


def test_the_create_form_builds_a_request() -> None:
    with gr.Blocks():
        form = Form(CreateRequest, form="create")
        form.show(options_of(CreateRequest))
    assert build(CreateRequest, form.values([widget.value for widget in form.inputs])) == CreateRequest()


def test_the_vae_is_chosen_from_the_hosts_list(tab: TrainTab) -> None:
    widget = tab.form.widgets["vae"]
    assert choices_shown(widget) == ["As set", "None", "kl.vae.pt"]
    given = list(shown(tab.form))
    place = list(tab.form.widgets).index("vae")
    given[list(tab.form.widgets).index("name")] = "cat"
    for typed, meant in [("As set", ""), (None, ""), ("", ""), ("None", "None"), (" kl.vae.pt ", "kl.vae.pt")]:
        given[place] = typed
        assert tab.config(tuple(given)).vae == meant


def test_a_field_that_means_nothing_here_says_why(manager: RunManager) -> None:
    sentence = "This web UI has one VAE for all: choose it at the top of its page."
    with gr.Blocks():
        tab = TrainTab(manager, prompts=GENERATE, closed={"vae": sentence})
    assert (tab.form.widgets["vae"].info, tab.form.widgets["vae"].interactive) == (sentence, False)
    assert tab.form.widgets["steps"].info != sentence
    assert tab.form.widgets["steps"].interactive is not False
