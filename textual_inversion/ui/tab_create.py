"""The tab in which a new embedding is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from ..core.base.errors import UserError
from ..core.base.options import build
from ..core.dataset.report import advice_on_vectors
from ..core.embedding.pair import negative_path
from ..core.settings.presets import Preset
from ..runs.creation import INIT_METHODS, CreateRequest, create_embedding
from ..runs.manager import RunManager
from ..web.access import Access
from .fields import Form
from .ids import GROUP, SPLIT, element_id, tab_id
from .messages import error_message, message
from .pair_fields import SWITCH, draw_pair_fields, pair_names
from .portable import answer_place, unlisted

_INTRODUCTION = (
    "An embedding is a new word for the model, made of a few vectors. Create it here, teach it with your pictures in "
    "**Train**, then write its name in a prompt."
)


class CreateTab:
    """Draws the tab where it is made. ``created`` is the button's event, for what should follow; paths in the form have to pass
    ``access``. ``above`` draws what stands before everything else, and is kept under that name."""

    def __init__(
        self,
        manager: RunManager,
        access: Access | None = None,
        *,
        above: Callable[[], Any] = lambda: None,
        begins_with: Preset | None = None,
    ) -> None:
        self._manager, self._access = manager, access or Access()
        defaults = begins_with.create if begins_with else {}
        self.form = Form(CreateRequest, form="create", defaults=defaults, makers={"init": _init_list})
        self.above = above()
        with gr.Row(elem_classes=[SPLIT]):
            with gr.Column(scale=5, min_width=320):
                gr.Markdown(_INTRODUCTION, elem_classes=["ti-intro"])
                with gr.Group(elem_classes=[GROUP]):
                    self.form.show(["name", "init_text", "vectors", "overwrite"])
                button = gr.Button("Create embedding", variant="primary", elem_id=element_id("create", "go"))
                answer = answer_place()
            with gr.Column(scale=5, min_width=320):
                with gr.Group(elem_classes=[GROUP]):
                    self._draw_advice()
                with gr.Group(elem_classes=[GROUP]):
                    draw_pair_fields(self.form, tab="create", names=pair_names(self.form))
                with gr.Accordion("Advanced", open=False):
                    self.form.show([name for name in self.form.options if name not in self.form.widgets])
        self.created = button.click(self.create, inputs=self.form.inputs, outputs=[answer], **unlisted())

    @property
    def name(self) -> Any:
        """The widget with the new name."""
        return self.form.widgets["name"]

    @property
    def pair(self) -> Any:
        """The switch that makes a pair."""
        return self.form.widgets[SWITCH]

    def create(self, *given: Any) -> str:
        """Make the embedding; the answer says where it is."""
        try:
            request = build(CreateRequest, self.form.values(given))
            if request.init not in INIT_METHODS:
                self._access.check_path(request.init, field="init")
            path, warnings = create_embedding(self._manager, request)
        except UserError as error:
            return error_message(error, form="create")
        pair = f" and {negative_path(path).name}, for the negative prompt" if request.apt else ""
        told = f"Created {path.stem}: {path}{pair}."
        return message(told, kind="done", notes=warnings, link=("Next: train it", tab_id("train")))

    def advise(self, pictures: str) -> str:
        """Advise on the vectors for a number of pictures, or for those in a folder."""
        text = (pictures or "").strip()
        if not text:
            return ""
        try:
            count = int(text) if text.isdecimal() and len(text) < 10 else self._count(text)
        except UserError as error:
            return message(error.message)
        return message(advice_on_vectors(count) if count else "Without a picture nothing can be learned.")

    def _count(self, folder: str) -> int:
        from ..core.dataset.find import find_pictures, parse_folder

        path = self._access.check_path(str(parse_folder(folder).path), field="data")
        return len(find_pictures([str(path)]).pictures)

    def _draw_advice(self) -> None:
        pictures = gr.Textbox(
            label="Advice: how many vectors?",
            info="Type how many pictures you have, or their folder.",
            max_lines=1,
            elem_id=element_id("create", "pictures"),
        )
        hint = answer_place()
        pictures.change(self.advise, inputs=[pictures], outputs=[hint], show_progress="hidden", **unlisted())


def _init_list(**common: Any) -> Any:
    return gr.Dropdown(choices=list(INIT_METHODS), allow_custom_value=True, **common)
