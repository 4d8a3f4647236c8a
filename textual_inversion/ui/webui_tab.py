"""The tab inside a web UI. Pictures are made in its txt2img tab, so there is none for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from ..hosts.webui import Capability
from ..runs.manager import RunManager
from ..web.access import Access
from .ids import PAGE, tab_id
from .monitor import PromptPlace
from .portable import accepted, unlisted
from .tab_create import CreateTab
from .tab_library import library_tab
from .tab_prepare import prepare_tab
from .tab_train import TrainTab

TXT2IMG = PromptPlace(tab="tab_txt2img", title="txt2img", prompt="txt2img_prompt", negative="txt2img_neg_prompt")
"""Element ids of the web UIs' own."""

_WITH_EMBEDDINGS: tuple[Capability, ...] = ("steps", "cards", "partner")
"""Capabilities that are about using what was trained, so told in the Library."""


def build_tab(
    manager: RunManager,
    access: Access,
    *,
    pictures: Mapping[str, Any] | None = None,
    lacks: Mapping[Capability, str] | None = None,
) -> gr.Blocks:
    """The web UI renders this into its page. Paths in the forms have to pass ``access``; ``pictures`` are the widgets of its
    txt2img tab, see ``WebUI.txt2img``; ``lacks`` is what it cannot do, see ``WebUI.lacks``."""
    missing = lacks or {}
    options = accepted(gr.Blocks.__init__, {"analytics_enabled": False})
    with gr.Blocks(**options) as tab, gr.Column(elem_classes=[PAGE]), gr.Tabs():
        with gr.TabItem("Create", id="create", elem_id=tab_id("create")):
            create = CreateTab(manager, access)
        with gr.TabItem("Prepare", id="prepare", elem_id=tab_id("prepare")):
            prepare_tab()
        with gr.TabItem("Train", id="train", elem_id=tab_id("train")) as train_tab:
            closed = {"vae": missing["vae"]} if "vae" in missing else {}
            train = TrainTab(manager, access, prompts=TXT2IMG, closed=closed)
        with gr.TabItem("Library", id="library", elem_id=tab_id("library")):
            library_tab([missing[name] for name in _WITH_EMBEDDINGS if name in missing])
        train.wire(pictures=pictures, create=create.form, tab=train_tab)
        create.created.then(
            train.choose, inputs=[create.name, create.pair], outputs=[train.names, train.pair], **unlisted()
        )
    _keep_out_of_settings(tab)
    return tab


def _keep_out_of_settings(tab: gr.Blocks) -> None:
    """Web UIs write each widget's value into a file and use that in place of later defaults; runs keep their own settings."""
    for widget in tab.blocks.values():
        vars(widget)["do_not_save_to_config"] = True
