"""What the settings page of a real AUTOMATIC1111 does to our runs, and what we put there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from textual_inversion.core.settings.train_config import TrainConfig

pytestmark = pytest.mark.host


@pytest.fixture
def options(webui: Any) -> Iterator[dict[str, Any]]:
    """The web UI's settings by key, put back afterwards."""
    from modules import shared

    before, labels = dict(shared.opts.data), dict(shared.opts.data_labels)
    yield shared.opts.data
    for kept, live in ((before, shared.opts.data), (labels, shared.opts.data_labels)):
        live.clear()
        live.update(kept)


def test_its_own_settings_for_training_are_what_runs_begin_with(webui: Any, options: dict[str, Any]) -> None:
    options.update(
        dataset_filename_word_regex=r"\w+",
        dataset_filename_join_string=", ",
        training_write_csv_every=100.0,  # as its number field stores it
        training_enable_tensorboard=True,
    )
    config = TrainConfig.from_mapping(webui.training_defaults())
    assert (config.filename_regex, config.filename_join, config.csv_every) == (r"\w+", ", ", 100)
    assert config.tensorboard


def test_those_for_captions_are_what_preparing_begins_with(webui: Any, options: dict[str, Any]) -> None:
    options.update(interrogate_deepbooru_score_threshold=0.75, deepbooru_sort_alpha=False, deepbooru_filter_tags="solo")
    given = webui.host.caption_models.defaults
    assert (given["threshold"], given["sort_tags"], given["filter_tags"]) == (0.75, False, "solo")
    settings = pytest.importorskip("textual_inversion.prepare.settings")
    settings.PrepareSettings(**given)


def test_a_section_of_our_own_is_on_the_settings_page(webui: Any, options: dict[str, Any]) -> None:
    from modules import script_callbacks, shared

    from textual_inversion.ui.webui_settings import EXPLAINED, own_settings

    registered = len(script_callbacks.callback_map["callbacks_ui_settings"])
    webui.add_settings(own_settings(), EXPLAINED)
    callback = script_callbacks.callback_map["callbacks_ui_settings"].pop()
    assert len(script_callbacks.callback_map["callbacks_ui_settings"]) == registered
    callback.callback()
    ours = {key: shown for key, shown in shared.opts.data_labels.items() if shown.section[1] == "Textual Inversion"}
    assert len(ours) == len(own_settings()) + 1
    assert all(shown.category_id == "training" for shown in ours.values())
    begun = TrainConfig.from_mapping(webui.training_defaults())
    assert begun == TrainConfig()
    options["textual_inversion_tab_save_every"] = 50.0
    options["textual_inversion_tab_use_safetensors"] = True
    begun = TrainConfig.from_mapping(webui.training_defaults())
    assert (begun.save_every, begun.use_safetensors) == (50, True)


@pytest.mark.parametrize(("section", "count"), [("training", 12), ("interrogate", 12)])
def test_every_setting_of_these_sections_is_used_or_explained(webui: Any, section: str, count: int) -> None:
    from modules import shared

    from textual_inversion.ui.webui_settings import EXPLAINED

    told = [part for names, _ in EXPLAINED for part in (names, *names.split(", "))]
    labels = [shown.label for shown in shared.opts.data_labels.values() if shown.section[0] == section]
    assert len(labels) == count
    assert [label for label in labels if not label.startswith(tuple(told))] == []
