"""The tab in which a run is set up and started, with the monitor beside the form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from ..core.base.errors import UserError
from ..core.model.host import OWN_VAE
from ..core.settings.presets import Preset
from ..core.settings.train_config import TrainConfig
from ..runs.manager import RunManager
from ..web.access import Access
from .dataset_check import Checked, check_run
from .fields import Form
from .filler import Filler
from .ids import ACTIONS, SIDE, SPLIT, TOOL, element_id
from .messages import error_message, message
from .monitor import PromptPlace, monitor
from .pair_fields import SWITCH, draw_pair_fields, pair_names
from .portable import answer_place, unlisted
from .preview_source import with_previews_from
from .templates import chosen_template, shown_template, template_choices

FIRST = (
    ("name", "learning_rate", "clip_gradient", "clip_value", "batch_size", "gradient_accumulation"),
    ("data", "log_dir", "template", "width", "height", "fit"),
    ("steps",),
    ("image_every", "save_every"),
    ("alpha_weight", "png_embedding", "preview_from_txt2img", "preview_prompts"),
    ("shuffle_tags", "tag_dropout", "latent_sampling"),
)
"""Everyday fields in the order of A1111's Train tab, so that a guide to that can be followed down the page."""

_WITH_REFRESH = ("name", "template")


class TrainTab:
    """Draws the tab where it is made; ``wire`` then makes its buttons work.

    ``refresh_names`` is for events elsewhere that change the list of embeddings.
    """

    def __init__(
        self,
        manager: RunManager,
        access: Access | None = None,
        *,
        prompts: PromptPlace,
        closed: Mapping[str, str] | None = None,
        begins_with: Preset | None = None,
    ) -> None:
        """Paths in the form have to pass ``access``; what was trained can be put into ``prompts``; ``closed`` are fields that mean
        nothing here, and why; the form holds the preset ``begins_with``, or else what a web UI's own tab does."""
        self._manager, self._host, self._access = manager, manager.host, access or Access()
        makers = {
            "name": self._name_list,
            "template": self._template_list,
            "vae": self._vae_list,
            "fit": self._radio("fit"),
            "latent_sampling": self._radio("latent_sampling"),
        }
        self._sources: tuple[str, ...] = ()
        defaults = self._first_values(begins_with)
        self.form = Form(TrainConfig, form="train", defaults=defaults, makers=makers, closed=closed)
        with gr.Row(elem_classes=[SPLIT]):
            with gr.Column(scale=5, min_width=320):
                self._filler = Filler(manager, self.form, values=self._values, begins_with=begins_with)
                self._draw_form()
            with gr.Column(scale=6, min_width=320, elem_classes=[SIDE]):
                self._draw_buttons()
                monitor(prompts)
        self._suggested = gr.State(self._host.native_size)

    def _first_values(self, preset: Preset | None) -> dict[str, Any]:
        side = self._host.native_size
        own = {"template": TrainConfig().template, **(preset.train if preset else {}), "width": side, "height": side}
        values = {**own, **self._manager.defaults}
        return {**values, "template": shown_template(self._host, values["template"])}

    @property
    def names(self) -> Any:
        """The widget with the embeddings' names."""
        return self.form.widgets["name"]

    def refresh_names(self, chosen: str | None = None) -> Any:
        """An update of ``names``, which chooses ``chosen`` if there is such an embedding."""
        known = self._names()
        return gr.update(choices=known, **({"value": chosen} if chosen in known else {}))

    def refresh_only(self) -> Any:
        """An update of ``names``, which chooses the only embedding where there is one alone."""
        known = self._names()
        return self.refresh_names(known[0] if len(known) == 1 else None)

    @property
    def pair(self) -> Any:
        """The switch that trains a pair."""
        return self.form.widgets[SWITCH]

    def choose(self, created: str, pair: bool) -> tuple[Any, Any]:
        """Updates of ``names`` and ``pair`` for what was just created."""
        known = created in self._names()
        return self.refresh_names(created), gr.update(value=bool(pair)) if known else gr.update()

    @property
    def filled(self) -> list[Any]:
        """The widgets that ``fill`` gives values for."""
        return [self._filler.preset, *self.form.inputs]

    def fill(self, config: TrainConfig) -> list[Any]:
        """Updates of ``filled`` that show these settings."""
        values = {**config.to_mapping(), "template": shown_template(self._host, config.template)}
        updates = dict(zip(self.form.widgets, self.form.updates(values), strict=True))
        return [gr.update(value=None), *{**updates, "name": self.refresh_names(config.name)}.values()]

    def wire(self, *, pictures: Mapping[str, Any] | None = None, create: Form | None = None, tab: Any = None) -> None:
        """``pictures``: widgets of the tab where pictures are made, for previews as there; ``create``: a form that presets fill in too;
        ``tab``: the tab item that this is in, for what is read anew whenever it is opened."""
        self._sources = tuple(pictures or {})
        given = [self._filler.preset, *self.form.inputs, *(pictures or {}).values()]
        for button, act in ((self._check, self.check), (self._go, self.start)):
            button.click(_with_preset(act), inputs=given, outputs=[self._answer], **unlisted())
        self._filler.wire(create)
        if tab is not None:
            sizes = [self._suggested, self.form.widgets["width"], self.form.widgets["height"]]
            lists = [self.names, self._filler.runs, self.form.widgets["vae"]]
            chosen = [self.names, *sizes]
            tab.select(self._refresh_all, inputs=chosen, outputs=[*lists, *sizes], **unlisted())

    def config(self, given: tuple[Any, ...]) -> TrainConfig:
        """Read the form. Raises InputError naming the field."""
        own = len(self.form.inputs)
        config = TrainConfig.from_mapping(self._values(given[:own]))
        config = with_previews_from(config, dict(zip(self._sources, given[own:], strict=True)))
        self._access.check_config(config, self._host)
        return config

    def start(self, *given: Any, preset: str = "") -> str:
        """Check and start; the answer tells the monitor which run to show."""
        try:
            config = self.config(given)
            checked = self._checked(config, preset)
            run = self._manager.start(config)
        except UserError as error:
            return error_message(error, form="train")
        place = self._manager.describe(run).get("place")
        begun = f"Queued {config.name} as number {place}." if place else f"Started {config.name}."
        return message(f"{begun} {checked.summary}", kind="done", run=run, notes=checked.notes)

    def check(self, *given: Any, preset: str = "") -> str:
        """Tell what would be trained, without starting."""
        try:
            checked = self._checked(self.config(given), preset)
        except UserError as error:
            return error_message(error, form="train")
        return message(checked.summary, notes=checked.notes)

    def _checked(self, config: TrainConfig, preset: str) -> Checked:
        checked = check_run(config, self._manager)
        note = self._filler.vectors_note(preset, config.name) if preset else ""
        return replace(checked, notes=(note, *checked.notes)) if note else checked

    def _values(self, given: tuple[Any, ...]) -> dict[str, Any]:
        values = self.form.values(given)
        return {**values, "template": chosen_template(self._host, values["template"] or "")}

    def _draw_form(self) -> None:
        for names in FIRST:
            with gr.Group(elem_classes=["ti-group"]):
                self._draw_fields(names)
            if names is FIRST[0]:
                with gr.Group(elem_classes=["ti-group"]):
                    draw_pair_fields(self.form, tab="train", names=pair_names(self.form))
        others = [name for name in self.form.options if name not in self.form.widgets]
        groups = dict.fromkeys(self.form.options[name].group for name in others)
        with gr.Accordion("Advanced", open=False, elem_id=element_id("train", "advanced")):
            for group in groups:
                with gr.Accordion(group, open=False):
                    self.form.show([name for name in others if self.form.options[name].group == group])

    def _draw_fields(self, names: Iterable[str]) -> None:
        plain: list[str] = []
        for name in names:
            if name in _WITH_REFRESH:
                self.form.show(plain)
                plain = []
                self._draw_list(name, self.refresh_names if name == "name" else self._refresh_templates)
            else:
                plain.append(name)
        self.form.show(plain)

    def _draw_list(self, name: str, update: Callable[[], Any]) -> None:
        """A list with the button that reads its folder again."""
        with gr.Row():
            self.form.widget(name)
            button = gr.Button("\u21bb", elem_classes=[TOOL], elem_id=element_id("train", "refresh", name))
        button.click(lambda: update(), inputs=[], outputs=[self.form.widgets[name]], **unlisted())

    def _draw_buttons(self) -> None:
        with gr.Row(elem_classes=[ACTIONS]):
            self._check = gr.Button("Check", elem_id=element_id("train", "check"))
            self._go = gr.Button("Train Embedding", variant="primary", elem_id=element_id("train", "go"))
        self._answer = answer_place()

    def _names(self) -> list[str]:
        return sorted(self._host.embedding_names(), key=str.casefold)

    def _name_list(self, **common: Any) -> Any:
        known = self._names()
        alone = known[0] if len(known) == 1 else None
        return gr.Dropdown(choices=known, allow_custom_value=True, **{**common, "value": alone})

    def _template_list(self, **common: Any) -> Any:
        return gr.Dropdown(choices=list(template_choices(self._host)), allow_custom_value=True, **common)

    def _vaes(self) -> list[str]:
        return [self.form.shown("vae", ""), OWN_VAE, *self._host.vae_names()]

    def _vae_list(self, **common: Any) -> Any:
        return gr.Dropdown(choices=self._vaes(), allow_custom_value=True, **common)

    def _radio(self, name: str) -> Callable[..., Any]:
        return lambda **common: gr.Radio(choices=self.form.choices(name), **common)

    def _refresh_templates(self) -> Any:
        return gr.update(choices=list(template_choices(self._host)))

    def _refresh_all(self, name: str | None, suggested: float, *sizes: float) -> list[Any]:
        """The lists again, and the sizes where they still are those of the checkpoint that was loaded before."""
        side = self._host.native_size
        lists = [
            self.refresh_names() if name else self.refresh_only(),
            self._filler.refresh_runs(),
            gr.update(choices=self._vaes()),
        ]
        return [*lists, side, *(gr.update(value=side) if size == suggested else gr.update() for size in sizes)]


def _with_preset(act: Callable[..., str]) -> Callable[..., str]:
    """For an event whose first input is the preset."""
    return lambda preset, *given: act(*given, preset=preset or "")
