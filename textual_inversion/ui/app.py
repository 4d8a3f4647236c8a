"""The page of the standalone app: its tabs, and what one does to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ..core.settings.presets import PLAIN_PRESETS
from ..runs.manager import RunManager
from .first_minute import FirstMinute
from .ids import PAGE, element_id, tab_id
from .monitor import PromptPlace
from .portable import accepted, unlisted
from .tab_create import CreateTab
from .tab_generate import GenerateTab
from .tab_library import library_tab
from .tab_prepare import prepare_tab
from .tab_train import TrainTab

GENERATE = PromptPlace(
    tab=tab_id("generate"),
    title="Generate",
    prompt=element_id("generate", "prompt"),
    negative=element_id("generate", "negative_prompt"),
)
BEGINS_WITH = PLAIN_PRESETS[0]
"""Values of the forms before a person has chosen: nobody has learnt another program's defaults here."""


def build_app(
    manager: RunManager,
    *,
    samplers: Sequence[str],
    generate_defaults: Mapping[str, Any] | None = None,
    notices: Sequence[str] = (),
    page: Mapping[str, Any] | None = None,
    demo: bool = False,
) -> gr.Blocks:
    """``page`` are options for ``gr.Blocks`` (theme, css, head), those it knows in this version; ``demo``: the demo checkpoint is
    loaded, so that everything can be tried with its pictures."""
    options = accepted(gr.Blocks.__init__, {"analytics_enabled": False, "title": "Textual Inversion", **(page or {})})
    with gr.Blocks(**options) as app, gr.Column(elem_classes=[PAGE]):
        for notice in notices:
            gr.Textbox(value=notice, show_label=False, interactive=False, container=False, elem_classes=["ti-notice"])
        with gr.Tabs():
            with gr.TabItem("Create", id="create", elem_id=tab_id("create")):
                create = CreateTab(
                    manager, above=lambda: FirstMinute(manager) if demo else None, begins_with=BEGINS_WITH
                )
            with gr.TabItem("Prepare", id="prepare", elem_id=tab_id("prepare")):
                prepare_tab()
            with gr.TabItem("Train", id="train", elem_id=tab_id("train")) as tab:
                train = TrainTab(manager, prompts=GENERATE, begins_with=BEGINS_WITH)
            with gr.TabItem("Generate", id="generate", elem_id=tab_id("generate")):
                generate = GenerateTab(manager, samplers=samplers, defaults=generate_defaults or {})
            with gr.TabItem("Library", id="library", elem_id=tab_id("library")):
                library_tab()
        train.wire(pictures=generate.form.widgets, create=create.form, tab=tab)
        create.created.then(
            train.choose, inputs=[create.name, create.pair], outputs=[train.names, train.pair], **unlisted()
        )
        if create.above is not None:
            create.above.wire(train, prompt=generate.form.widgets["prompt"])
        app.load(train.refresh_only, inputs=[], outputs=[train.names], **unlisted())
    return app
