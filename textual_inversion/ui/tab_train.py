"""The tab in which a run is set up and started, with the monitor beside the form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from ..core.config import TrainConfig
from ..core.errors import UserError
from ..runs.access import Access
from ..runs.manager import RunManager
from .dataset_check import check_run
from .fields import Form
from .ids import SIDE, TOOL, element_id
from .messages import error_message, message
from .monitor import monitor
from .portable import unlisted
from .templates import chosen_template, shown_template, template_choices

SHOWN_FIRST = ("Embedding", "Pictures", "Prompts", "Optimiser", "Saving")
"""Groups with everyday fields; their advanced fields, and all other groups, are folded away."""


class TrainTab:
    """Draws the tab where it is made; ``refresh_names`` is for events elsewhere that change the list of embeddings."""

    def __init__(self, manager: RunManager, access: Access | None = None) -> None:
        """Paths in the form have to pass ``access``."""
        self._manager, self._host, self._access = manager, manager.host, access or Access()
        makers = {"name": self._name_list, "template": self._template_list}
        template = shown_template(self._host, TrainConfig().template)
        self.form = Form(TrainConfig, form="train", defaults={**manager.defaults, "template": template}, makers=makers)
        with gr.Row():
            with gr.Column(scale=5, min_width=420):
                self._draw_form()
            with gr.Column(scale=6, min_width=420, elem_classes=[SIDE]):
                buttons = self._draw_buttons()
                monitor()
        self._wire(*buttons)

    @property
    def names(self) -> Any:
        """The widget with the embeddings' names."""
        return self.form.widgets["name"]

    def refresh_names(self, chosen: str | None = None) -> Any:
        """An update of ``names``, which chooses ``chosen`` if there is such an embedding."""
        known = self._names()
        return gr.update(choices=known, **({"value": chosen} if chosen in known else {}))

    def config(self, given: tuple[Any, ...]) -> TrainConfig:
        """What the form says. Raises InputError naming the field."""
        values = self.form.values(given)
        values["template"] = chosen_template(self._host, values["template"])
        config = TrainConfig.from_mapping(values)
        self._access.check_config(config)
        return config

    def start(self, *given: Any) -> str:
        """Check and start; the answer tells the monitor which run to show."""
        try:
            config = self.config(given)
            summary, notes = check_run(config, self._host)
            run = self._manager.start(config)
        except UserError as error:
            return error_message(error, form="train")
        return message(f"Started {config.name}. {summary}", kind="done", run=run, notes=notes)

    def check(self, *given: Any) -> str:
        """What would be trained, without starting."""
        try:
            summary, notes = check_run(self.config(given), self._host)
        except UserError as error:
            return error_message(error, form="train")
        return message(summary, notes=notes)

    def _draw_form(self) -> None:
        for group in SHOWN_FIRST:
            with gr.Group(elem_classes=["ti-group"]):
                gr.Markdown(f"#### {group}", elem_classes=["ti-heading"])
                self._draw_group(group)
        groups = dict.fromkeys(option.group for option in self.form.options.values())
        with gr.Accordion("Advanced", open=False, elem_id=element_id("train", "advanced")):
            for group in groups:
                if names := self.form.names(group=group, advanced=True):
                    with gr.Accordion(group, open=False):
                        self.form.show(names)

    def _draw_group(self, group: str) -> None:
        names = self.form.names(group=group, advanced=False)
        for name, update in (("name", self.refresh_names), ("template", self._refresh_templates)):
            if name in names:
                self._draw_list(name, update)
                names.remove(name)
        self.form.show(names)

    def _draw_list(self, name: str, update: Callable[[], Any]) -> None:
        """A list with the button that reads its folder again."""
        with gr.Row():
            self.form.widget(name)
            button = gr.Button("\u21bb", elem_classes=[TOOL], elem_id=element_id("train", "refresh", name))
        button.click(lambda: update(), inputs=[], outputs=[self.form.widgets[name]], **unlisted())

    def _draw_buttons(self) -> tuple[Any, Any, Any]:
        with gr.Row():
            check = gr.Button("Check", elem_id=element_id("train", "check"))
            go = gr.Button("Train embedding", variant="primary", elem_id=element_id("train", "go"))
        return check, go, gr.HTML()

    def _wire(self, check: Any, go: Any, answer: Any) -> None:
        check.click(self.check, inputs=self.form.inputs, outputs=[answer], **unlisted())
        go.click(self.start, inputs=self.form.inputs, outputs=[answer], **unlisted())

    def _names(self) -> list[str]:
        return sorted(self._host.embedding_names(), key=str.casefold)

    def _name_list(self, **common: Any) -> Any:
        return gr.Dropdown(choices=self._names(), allow_custom_value=True, **{**common, "value": None})

    def _template_list(self, **common: Any) -> Any:
        return gr.Dropdown(choices=list(template_choices(self._host)), allow_custom_value=True, **common)

    def _refresh_templates(self) -> Any:
        return gr.update(choices=list(template_choices(self._host)))
