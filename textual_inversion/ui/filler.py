"""The lists above the form that fill it in: presets, and the settings of earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from ..core.base.errors import UserError
from ..core.embedding.embedding import Embedding
from ..core.settings.presets import PAIR_PRESETS, PLAIN_PRESETS, PRESETS, Preset
from ..runs.creation import CreateRequest, create_embedding
from ..runs.manager import RunManager
from .fields import Form
from .filling import changes, run_choices, run_settings, told_changes
from .ids import GROUP, TOOL, element_id
from .messages import Folded, error_message, message
from .portable import answer_place, unlisted
from .templates import shown_template

Given = tuple[Any, ...]

PAIRS = "Pair (APT)"
"""Stands for the presets of pairs, which have a list of their own."""


class Filler:
    """Draws the lists where it is made. ``values`` reads what came from the form's inputs, by field; ``begins_with`` is the preset
    that the form holds already."""

    def __init__(
        self,
        manager: RunManager,
        form: Form,
        *,
        values: Callable[[Given], dict[str, Any]],
        begins_with: Preset | None = None,
    ) -> None:
        self._manager, self._form, self._values = manager, form, values
        self._create: Form | None = None
        with gr.Group(elem_classes=[GROUP]):
            self.preset = gr.Radio(
                choices=[*(preset.label for preset in PLAIN_PRESETS), PAIRS],
                value=begins_with.label if begins_with else None,
                label="Preset",
                info="Fills in the settings below. What a preset does not name stays.",
                elem_id=element_id("train", "preset"),
            )
            self._pair = gr.Dropdown(
                choices=[preset.label for preset in PAIR_PRESETS],
                value=PAIR_PRESETS[0].label,
                label="Preset for the pair",
                info="From the guide to DreamArtist: positive and negative vectors, what is taught, how carefully.",
                visible=False,
                elem_id=element_id("train", "pair_preset"),
            )
        self._answer = answer_place()
        self._anew = gr.Button(visible=False, elem_id=element_id("train", "anew"))
        with (
            gr.Accordion("Load settings of an earlier run", open=False, elem_id=element_id("train", "earlier")),
            gr.Row(),
        ):
            self.runs = gr.Dropdown(
                choices=[],
                value=None,
                label="Run",
                info="Fills in all that it was trained with.",
                elem_id=element_id("train", "run"),
            )
            self._find = gr.Button("\u21bb", elem_classes=[TOOL], elem_id=element_id("train", "refresh", "run"))

    def wire(self, create: Form | None) -> None:
        """Make the lists work, once the form is drawn; presets fill in ``create`` too."""
        self._create = create
        filled = [*self._form.inputs, *(create.inputs if create else ()), self._answer]
        name = self._form.widgets["name"]
        for chosen, use in ((self.preset, self.use_preset), (self._pair, self.use_preset), (self.runs, self.use_run)):
            done = chosen.input(use, inputs=[chosen, *self._form.inputs], outputs=filled, **unlisted())
            if use == self.use_preset:
                done.then(self._offer, inputs=[chosen, name], outputs=[self._anew], **unlisted())
        self.preset.input(
            lambda chosen: gr.update(visible=chosen == PAIRS), inputs=[self.preset], outputs=[self._pair], **unlisted()
        )
        self._anew.click(
            self.make_anew, inputs=[self.preset, self._pair, name], outputs=[self._answer, self._anew], **unlisted()
        )
        self._find.click(self.refresh_runs, inputs=[], outputs=[self.runs], **unlisted())

    def refresh_runs(self) -> Any:
        """An update of ``runs``."""
        return gr.update(choices=run_choices(self._manager))

    def use_preset(self, chosen: str, *given: Any) -> list[Any]:
        """Fill in what a preset names, and tell what that changed."""
        preset = preset_called(chosen)
        if preset is None:
            return self._filled({}, message(f"There is no preset {chosen!r}.", kind="error"))
        before = self._values(given)
        changed = changes(before, self._at_this_size(preset.train))
        purpose, _, why = preset.help.partition(". ")
        told = message(
            f"{preset.label}. {purpose}.",
            notes=[note] if (note := self.vectors_note(chosen, before["name"] or "")) else [],
            folded=[Folded("Why these settings", [why]), _folded_changes(before, changed)],
        )
        return self._filled(changed, told, create=preset.create)

    def use_run(self, chosen: str, *given: Any) -> list[Any]:
        """Fill in the settings of an earlier run."""
        try:
            name, settings = run_settings(self._manager, chosen or "")
        except UserError as error:
            return self._filled({}, error_message(error, form="train"))
        before = self._values(given)
        changed = changes(before, settings)
        words = "" if changed else " All of it was set so already."
        return self._filled(changed, message(f"Settings of {name}.{words}", folded=[_folded_changes(before, changed)]))

    def vectors_note(self, chosen: str, name: str) -> str:
        """A sentence where the embedding has other vectors than the preset was measured with."""
        preset, found = preset_called(chosen), self._embedding(name)
        if preset is None or found is None or found.count == preset.create["vectors"]:
            return ""
        wanted = preset.create["vectors"]
        return (
            f"{name} has {found.count} vector{'s' if found.count > 1 else ''}, and this preset is for {wanted}. Create is filled in for "
            f"{wanted}; go on with {found.count}, or make {name} anew."
        )

    def make_anew(self, chosen: str, pair: str, name: str) -> tuple[str, Any]:
        """Replace an embedding that has learned nothing yet by one with the preset's vectors, from the same words."""
        preset, found = preset_called(pair if chosen == PAIRS else chosen), self._embedding(name)
        if preset is None or found is None or found.step:
            return message(f"{name} has been trained already; make it anew in Create.", kind="error"), gr.update(
                visible=False
            )
        words = str(found.notes.get("init_text") or "*")
        try:
            request = CreateRequest(**{"name": name, "init_text": words, "overwrite": True, **preset.create})
            path, warnings = create_embedding(self._manager, request)
        except UserError as error:
            return error_message(error, form="train"), gr.update()
        told = f"{path.stem} has {request.vectors} vectors now, and begins as {words!r}."
        return message(told, kind="done", notes=warnings), gr.update(visible=False)

    def _offer(self, chosen: str, name: str) -> Any:
        """Show the button that makes an untrained embedding anew, where its vectors are not the preset's."""
        preset, found = preset_called(chosen), self._embedding(name)
        if preset is None or found is None or found.step or found.count == preset.create["vectors"]:
            return gr.update(visible=False)
        return gr.update(visible=True, value=f"Make {name} anew with {preset.create['vectors']} vectors")

    def _embedding(self, name: str) -> Embedding | None:
        from ..core.embeddings_folder.find import find_embedding
        from ..core.formats import read_embedding

        try:
            return read_embedding(find_embedding(self._manager.host.embeddings_dir, name or ""))
        except UserError:
            return None

    def _at_this_size(self, train: Mapping[str, object]) -> dict[str, object]:
        """A preset's sizes are SD 1.5's; here they are those of the checkpoint."""
        side = self._manager.host.native_size
        return {**train, **{name: side for name in ("width", "height") if name in train}}

    def _filled(self, train: Mapping[str, Any], told: str, *, create: Mapping[str, Any] | None = None) -> list[Any]:
        if "template" in train:
            train = {**train, "template": shown_template(self._manager.host, train["template"])}
        others = self._create.updates(create or {}) if self._create else []
        return [*self._form.updates(train), *others, told]


def preset_called(label: str) -> Preset | None:
    """The preset with this label; of ``PAIRS`` the first."""
    wanted = PAIR_PRESETS[0].label if label == PAIRS else label
    return next((preset for preset in PRESETS if preset.label == wanted), None)


def _folded_changes(before: Mapping[str, Any], changed: Mapping[str, Any]) -> Folded:
    lines = told_changes(before, changed)
    return Folded(f"Changed: {len(lines)} setting{'s' if len(lines) != 1 else ''}", lines)
