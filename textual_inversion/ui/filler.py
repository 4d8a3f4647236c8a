"""The two lists above the form that fill it in: presets, and the settings of earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from ..core.base.errors import UserError
from ..core.settings.presets import PRESETS
from ..runs.manager import RunManager
from .fields import Form
from .filling import changes, run_choices, run_settings, spoken_value, told_changes
from .ids import TOOL, element_id
from .messages import error_message, message
from .portable import unlisted
from .templates import shown_template

Given = tuple[Any, ...]


class Filler:
    """Draws the lists where it is made. ``values`` reads what came from the form's inputs, by field."""

    def __init__(self, manager: RunManager, form: Form, *, values: Callable[[Given], dict[str, Any]]) -> None:
        self._manager, self._form, self._values = manager, form, values
        self._create: Form | None = None
        self._preset = gr.Dropdown(
            choices=[preset.label for preset in PRESETS],
            value=None,
            label="Preset",
            info="Fills in the settings below. What a preset does not name stays.",
            elem_id=element_id("train", "preset"),
        )
        with gr.Row():
            self.runs = gr.Dropdown(
                choices=[],
                value=None,
                label="Load settings of a run",
                info="Fills in all that an earlier run was trained with.",
                elem_id=element_id("train", "run"),
            )
            self._find = gr.Button("\u21bb", elem_classes=[TOOL], elem_id=element_id("train", "refresh", "run"))
        self._answer = gr.HTML()

    def wire(self, create: Form | None) -> None:
        """Once the form is drawn; presets fill in ``create`` too."""
        self._create = create
        widgets = [*self._form.inputs, *(create.inputs if create else ())]
        for chosen, use in ((self._preset, self.use_preset), (self.runs, self.use_run)):
            chosen.input(use, inputs=[chosen, *self._form.inputs], outputs=[*widgets, self._answer], **unlisted())
        self._find.click(self.refresh_runs, inputs=[], outputs=[self.runs], **unlisted())

    def refresh_runs(self) -> Any:
        """An update of ``runs``."""
        return gr.update(choices=run_choices(self._manager))

    def use_preset(self, chosen: str, *given: Any) -> list[Any]:
        """Fill in what a preset names, and say in a line what that changed."""
        preset = next((preset for preset in PRESETS if preset.label == chosen), None)
        if preset is None:
            return self._filled({}, message(f"There is no preset {chosen!r}.", kind="error"))
        before = self._values(given)
        changed = changes(before, preset.train)
        told = f"{preset.label}. {preset.help} {told_changes(before, changed)}"
        if self._create and preset.create:
            told += f" In Create: {_told(self._create, preset.create)}."
        return self._filled(changed, message(told), create=preset.create)

    def use_run(self, chosen: str, *given: Any) -> list[Any]:
        """Fill in the settings of an earlier run."""
        try:
            name, settings = run_settings(self._manager, chosen or "")
        except UserError as error:
            return self._filled({}, error_message(error, form="train"))
        before = self._values(given)
        changed = changes(before, settings)
        return self._filled(changed, message(f"Settings of {name}. {told_changes(before, changed)}"))

    def _filled(self, train: Mapping[str, Any], told: str, *, create: Mapping[str, Any] | None = None) -> list[Any]:
        if "template" in train:
            train = {**train, "template": shown_template(self._manager.host, train["template"])}
        others = self._create.updates(create or {}) if self._create else []
        return [*self._form.updates(train), *others, told]


def _told(form: Form, values: Mapping[str, Any]) -> str:
    return ", ".join(f"{form.options[name].label} {spoken_value(value)}" for name, value in values.items())
