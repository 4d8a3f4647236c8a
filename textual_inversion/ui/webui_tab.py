"""The tab inside a web UI. Pictures are made in its txt2img tab, so there is none for that."""

from __future__ import annotations

import gradio as gr

from ..runs.access import Access
from ..runs.manager import RunManager
from .ids import PAGE
from .portable import accepted, unlisted
from .tab_create import create_tab
from .tab_train import TrainTab


def build_tab(manager: RunManager, access: Access) -> gr.Blocks:
    """The web UI renders this into its page. Paths in the forms have to pass ``access``."""
    options = accepted(gr.Blocks.__init__, {"analytics_enabled": False})
    with gr.Blocks(**options) as tab, gr.Column(elem_classes=[PAGE]), gr.Tabs():
        with gr.TabItem("Create", id="create"):
            created, name = create_tab(manager, access)
        with gr.TabItem("Train", id="train"):
            train = TrainTab(manager, access)
        created.then(train.refresh_names, inputs=[name], outputs=[train.names], **unlisted())
    _keep_out_of_settings(tab)
    return tab


def _keep_out_of_settings(tab: gr.Blocks) -> None:
    """Web UIs write each widget's value into a file and use that in place of later defaults; runs keep their own settings."""
    for widget in tab.blocks.values():
        vars(widget)["do_not_save_to_config"] = True
