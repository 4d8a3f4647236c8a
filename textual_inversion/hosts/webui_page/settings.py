"""The web UI's settings page: what of it holds for us, and a section of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from modules import options, shared

from ..webui import OwnSetting
from .callbacks import when

SECTION = ("textual_inversion_tab", "Textual Inversion")
_TRAINING_CATEGORY = "training"

_TRAINING = {
    "filename_regex": "dataset_filename_word_regex",
    "filename_join": "dataset_filename_join_string",
    "csv_every": "training_write_csv_every",
    "tensorboard": "training_enable_tensorboard",
}


class Settings:
    """Reads the web UI's settings as they are at the moment."""

    def __init__(self) -> None:
        self._own: tuple[OwnSetting, ...] = ()

    def training(self) -> dict[str, Any]:
        """First values of runs, by field of ``TrainConfig``: *Settings > Training*, then our own section."""
        return _values({**_TRAINING, **{setting.field: setting.key for setting in self._own if setting.field}})

    def add(self, settings: Sequence[OwnSetting], explained: Sequence[tuple[str, str]]) -> None:
        """Have a section of these drawn whenever the page is built; ``explained`` tells what the web UI's own do to us."""
        self._own = tuple(settings)
        when("ui_settings", lambda: _draw(self._own, explained))


def _values(names: Mapping[str, str]) -> dict[str, Any]:
    """Settings by field, without those that the web UI does not have (yet)."""
    return {
        field: getattr(shared.opts, key)
        for field, key in names.items()
        if key in shared.opts.data or key in shared.opts.data_labels
    }


def _draw(settings: Sequence[OwnSetting], explained: Sequence[tuple[str, str]]) -> None:
    category = _category()
    for setting in settings:
        shown = shared.OptionInfo(
            setting.default, setting.label, *_component(setting), section=SECTION, category_id=category
        )
        shown = shown.info(escape(setting.help))
        shared.opts.add_option(setting.key, shown.needs_reload_ui() if setting.field else shown)
    if rows := _known(explained):
        text = _table(rows)
        plain = getattr(shared, "OptionHTML", None)
        table = plain(text) if plain else shared.OptionInfo(text, "", shared.gr.HTML)
        table.section, table.category_id = SECTION, category
        shared.opts.add_option(f"{SECTION[0]}_explained", table)


def _category() -> str | None:
    """Beside *Training*; where the web UI has no settings of that kind, wherever it puts those of extensions."""
    categories = getattr(options, "categories", None)
    return _TRAINING_CATEGORY if _TRAINING_CATEGORY in getattr(categories, "mapping", {}) else None


def _known(explained: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Rows about settings that this web UI has. A row names one, or several with commas between."""
    labels = [str(shown.label) for shown in shared.opts.data_labels.values()]

    def is_there(name: str) -> bool:
        return any(label.startswith(name) for label in labels)

    rows = [
        (names if is_there(names) else ", ".join(filter(is_there, names.split(", "))), text)
        for names, text in explained
    ]
    return [row for row in rows if row[0]]


def _component(setting: OwnSetting) -> tuple[Any, ...]:
    """Buttons for one of several; the web UI draws all else by the kind of the value."""
    return (shared.gr.Radio, {"choices": list(setting.choices)}) if setting.choices else ()


def _table(explained: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in explained)
    return f"<p>What the settings of the web UI do to this tab:</p><table class='ti-explained'>{rows}</table>"
