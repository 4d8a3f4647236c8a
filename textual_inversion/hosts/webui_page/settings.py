"""The web UI's settings page: what of it holds for us, and a section of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from modules import shared

from ..webui import OwnSetting
from .callbacks import when

SECTION = ("textual_inversion_tab", "Textual Inversion")
_BESIDE_TRAINING = "training"

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
    for setting in settings:
        shown = shared.OptionInfo(setting.default, setting.label, section=SECTION, category_id=_BESIDE_TRAINING)
        shown = shown.info(escape(setting.help))
        shared.opts.add_option(setting.key, shown.needs_reload_ui() if setting.field else shown)
    table = shared.OptionHTML(_table(explained))
    table.section, table.category_id = SECTION, _BESIDE_TRAINING
    shared.opts.add_option(f"{SECTION[0]}_explained", table)


def _table(explained: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in explained)
    return f"<p>What the settings of the web UI do to this tab:</p><table class='ti-explained'>{rows}</table>"
