"""Cards, settings, pairs and folders of a real Forge or Forge Neo, and what its databases of embeddings know."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from host_bench import Bench

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.card_file import update_user_metadata
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.hosts.webui import ADD_PARTNER

pytestmark = pytest.mark.host
NAMES = ("one", "dark", "dream", "dream-neg")


@pytest.fixture
def options(forge: Any) -> Iterator[dict[str, Any]]:
    """The web UI's settings by key, put back afterwards."""
    from modules import shared

    before, labels = dict(shared.opts.data), dict(shared.opts.data_labels)
    yield shared.opts.data
    for kept, live in ((before, shared.opts.data), (labels, shared.opts.data_labels)):
        live.clear()
        live.update(kept)


@pytest.fixture
def files(forge_sd1: Bench, forge: Any) -> Iterator[dict[str, Path]]:
    folder = forge.host.embeddings_dir
    found = {name: folder / f"{name}.pt" for name in NAMES}
    for name, path in found.items():
        write_embedding(Embedding(vectors={"*": torch.ones(1, 64)}, name=name, step=1), path)
    forge.host.publish(found["one"])
    yield found
    for path in found.values():
        path.unlink()
        path.with_suffix(".json").unlink(missing_ok=True)
    forge.host.publish(found["one"])


@pytest.fixture
def page(forge_sd1: Bench, forge: Any) -> Iterator[Any]:
    """The web UI's page of embeddings, with ours on it, shown by txt2img and img2img."""
    from modules import ui_extra_networks

    from textual_inversion.hosts.webui_page import cards

    ui_extra_networks.initialize()
    ui_extra_networks.register_default_pages()
    page = next(page for page in ui_extra_networks.extra_pages if page.name == "textual inversion")
    before = set(vars(page))
    cards.attach(forge.host.known_names)
    for tab in ("txt2img", "img2img"):
        ui = SimpleNamespace(
            tabname=tab, pages_contents=["old"] * 3, stored_extra_pages=[*ui_extra_networks.extra_pages]
        )
        page.create_user_metadata_editor(ui, tab)
    yield page
    cards.detach()
    assert set(vars(page)) == before
    ui_extra_networks.initialize()


def test_an_embedding_is_known_to_the_engine_and_to_the_cards_at_once(files: dict[str, Path], forge: Any) -> None:
    from modules import sd_models, ui_extra_networks_textual_inversion

    engine = sd_models.model_data.sd_model
    assert set(NAMES) <= set(engine.text_processing_engine.embeddings.word_embeddings)
    assert set(NAMES) <= set(ui_extra_networks_textual_inversion.embedding_db.word_embeddings)
    assert set(NAMES) <= forge.host.embedding_names()


def _click(page: Any, name: str) -> str:
    return html.unescape(page.create_item_html("txt2img", page.create_item(name), "{card_clicked}"))


def test_a_click_on_a_card_does_what_its_metadata_says(page: Any, files: dict[str, Path], forge: Any) -> None:
    assert _click(page, "one").startswith("cardClicked('txt2img', \"one\"")
    update_user_metadata(files["dark"], negative=True)
    update_user_metadata(files["one"], partner="dark")
    forge.host.publish(files["one"])
    assert 'textualInversionCard(this, "", "dark");' in _click(page, "dark")
    assert 'textualInversionCard(this, "one", "dark");' in _click(page, "one")
    assert 'textualInversionCard(this, "dream", "dream-neg");' in _click(page, "dream")


def test_what_is_published_is_on_the_page_that_browsers_get(page: Any, files: dict[str, Path], forge: Any) -> None:
    update_user_metadata(files["one"], description="shown at once")
    forge.host.publish(files["one"])
    for ui in vars(page)["textual_inversion_uis"]:
        assert ["shown at once" in content for content in ui.pages_contents].count(True) == 1
    assert page.items["one"]["user_metadata"]["description"] == "shown at once"
    assert "shown at once" in forge.cards_html("img2img")


def test_negative_halves_are_added_where_it_is_wanted(
    files: dict[str, Path], forge: Any, options: dict[str, Any]
) -> None:
    from modules import processing

    from textual_inversion.hosts.webui_page.pair_prompts import AddPartner

    def negative(prompt: str) -> list[str]:
        request = processing.StableDiffusionProcessingTxt2Img(prompt=prompt, negative_prompt="blurry")
        request.setup_prompts()
        return request.all_negative_prompts

    ours = AddPartner(forge.host.known_names)
    try:
        assert negative("a dream") == ["blurry"]
        options[ADD_PARTNER] = True
        assert negative("a dream") == ["dream-neg, blurry"]
        assert negative("a cat") == ["blurry"]
    finally:
        ours.remove()


def test_a_section_of_our_own_is_on_the_settings_page(forge: Any, options: dict[str, Any]) -> None:
    from modules import script_callbacks, shared
    from modules.options import categories

    from textual_inversion.ui.webui_settings import explained, own_settings

    forge.add_settings(own_settings(forge.lacks), explained(own_caption_models=False))
    callback = script_callbacks.callback_map["callbacks_ui_settings"].pop()
    callback.callback()
    ours = {key: shown for key, shown in shared.opts.data_labels.items() if shown.section[1] == "Textual Inversion"}
    has_training = "training" in categories.mapping
    assert len(ours) == len(own_settings()) + int(has_training)
    assert {shown.category_id for shown in ours.values()} == {"training" if has_training else None}
    if has_training:
        assert "captioning models leave when the captions are written" in str(
            vars(ours["textual_inversion_tab_explained"])
        )
    assert TrainConfig.from_mapping(forge.training_defaults()) == TrainConfig()
    options["textual_inversion_tab_save_every"] = 50.0
    assert TrainConfig.from_mapping(forge.training_defaults()).save_every == 50


def test_captions_come_from_our_own_models_with_what_is_set_for_them(forge: Any, options: dict[str, Any]) -> None:
    from modules import paths

    from textual_inversion.core.model.captioning import KeepsCaptionFiles, OffersCaptionModels

    assert isinstance(forge.host, KeepsCaptionFiles)
    assert not isinstance(forge.host, OffersCaptionModels)
    assert forge.host.models_dir == Path(paths.models_path)
    if "deepbooru_filter_tags" in options:
        options["deepbooru_filter_tags"] = "solo"
        assert forge.host.caption_defaults["filter_tags"] == "solo"
    json.dumps(forge.host.caption_defaults)


def test_nothing_is_lacking(forge: Any) -> None:
    assert forge.lacks == {}


def test_what_a_form_asks_needs_no_engine(forge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules import sd_models

    monkeypatch.setattr(sd_models.model_data, "sd_model", sd_models.FakeInitialModel())
    assert forge.host.native_size == 512
    assert forge.host.model_shape() is None
    assert forge.host.count_tokens("a cat") is None
    assert forge.host.embedding_names() >= set(forge.host.known_names())


def test_what_a_form_asks_of_a_loaded_engine(forge_sd1: Bench) -> None:
    shape = forge_sd1.host.model_shape()
    assert shape is not None
    assert shape.weights["unet"] == sum(weight.nbytes for weight in forge_sd1.modules()[0].parameters())
    assert [(text.layers, text.width, text.inner_width) for text in shape.text] == [(3, 64, 256)]
    assert forge_sd1.host.count_tokens("a red cat") == 3
