"""The tab in which a new embedding is made."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..core.errors import UserError
from ..core.options import build
from ..runs.access import Access
from ..runs.api import create_embedding
from ..runs.manager import RunManager
from ..runs.requests import INIT_METHODS, CreateRequest
from .fields import Form
from .ids import element_id
from .messages import error_message, message
from .portable import unlisted

_INTRODUCTION = (
    "An embedding is a new word for the model, made of a few vectors. Create it here, teach it with your pictures in "
    "**Train**, then write its name in a prompt."
)


def create_tab(manager: RunManager, access: Access | None = None) -> tuple[Any, Any]:
    """Draws the tab. Returns the button's event, for what should follow, and the widget with the name.

    A path in the form has to pass ``access``.
    """
    form = Form(CreateRequest, form="create", makers={"init": _init_list})
    gr.Markdown(_INTRODUCTION)
    with gr.Column(elem_classes=["ti-narrow"]):
        form.show(["name", "init_text", "vectors", "overwrite"])
        with gr.Accordion("Advanced", open=False):
            form.show(["init", "seed"])
        button = gr.Button("Create embedding", variant="primary", elem_id=element_id("create", "go"))
        answer = gr.HTML()

    def create(*given: Any) -> str:
        try:
            request = build(CreateRequest, form.values(given))
            if access is not None and request.init not in INIT_METHODS:
                access.check_path(request.init, field="init")
            path, warnings = create_embedding(manager, request)
        except UserError as error:
            return error_message(error, form="create")
        return message(f"Created {path.stem}: {path}. Next: Train.", kind="done", notes=warnings)

    event = button.click(create, inputs=form.inputs, outputs=[answer], **unlisted())
    return event, form.widgets["name"]


def _init_list(**common: Any) -> Any:
    return gr.Dropdown(choices=list(INIT_METHODS), allow_custom_value=True, **common)
