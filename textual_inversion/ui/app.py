"""The page of the standalone app: its tabs, and what one does to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ..runs.manager import RunManager
from .ids import PAGE, tab_id
from .portable import accepted, unlisted
from .tab_create import CreateTab
from .tab_generate import GenerateTab
from .tab_library import library_tab
from .tab_prepare import prepare_tab
from .tab_train import TrainTab


def build_app(
    manager: RunManager,
    *,
    samplers: Sequence[str],
    generate_defaults: Mapping[str, Any] | None = None,
    notices: Sequence[str] = (),
    page: Mapping[str, Any] | None = None,
) -> gr.Blocks:
    """``page`` are options for ``gr.Blocks`` (theme, css, head), those it knows in this version."""
    options = accepted(gr.Blocks.__init__, {"analytics_enabled": False, "title": "Textual Inversion", **(page or {})})
    with gr.Blocks(**options) as app, gr.Column(elem_classes=[PAGE]):
        for notice in notices:
            gr.Textbox(value=notice, show_label=False, interactive=False, container=False, elem_classes=["ti-notice"])
        with gr.Tabs():
            with gr.TabItem("Create", id="create", elem_id=tab_id("create")):
                create = CreateTab(manager)
            with gr.TabItem("Prepare", id="prepare", elem_id=tab_id("prepare")):
                prepare_tab()
            with gr.TabItem("Train", id="train", elem_id=tab_id("train")) as tab:
                train = TrainTab(manager)
            with gr.TabItem("Generate", id="generate", elem_id=tab_id("generate")):
                generate = GenerateTab(manager, samplers=samplers, defaults=generate_defaults or {})
            with gr.TabItem("Library", id="library", elem_id=tab_id("library")):
                library_tab()
        train.wire(pictures=generate.form.widgets, create=create.form, tab=tab)
        create.created.then(
            train.choose, inputs=[create.name, create.pair], outputs=[train.names, train.pair], **unlisted()
        )
        app.load(lambda: train.refresh_names(), inputs=[], outputs=[train.names], **unlisted())
    return app
