"""The cards of a real AUTOMATIC1111: what a click does, and that they show what is on disk."""

from __future__ import annotations

import html
import shutil
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

pytestmark = pytest.mark.host


@pytest.fixture
def page(sd1: Bench, webui: Any) -> Iterator[Any]:
    """The web UI's page of embeddings, with ours on it, shown by txt2img and img2img."""
    from modules import ui_extra_networks

    from textual_inversion.hosts.webui_page import cards

    ui_extra_networks.initialize()
    ui_extra_networks.register_default_pages()
    page = next(page for page in ui_extra_networks.extra_pages if page.name == "textual inversion")
    before = dict(vars(page))
    cards.attach(webui.known_names)
    cards.attach(webui.known_names)  # once more does nothing
    for tab in ("txt2img", "img2img"):
        ui = SimpleNamespace(
            tabname=tab, pages_contents=["old"] * 3, stored_extra_pages=[*ui_extra_networks.extra_pages]
        )
        page.create_user_metadata_editor(ui, tab)
    yield page
    cards.detach()
    assert {key: vars(page)[key] for key in before} == {
        **before,
        **{key: vars(page)[key] for key in ("items", "metadata")},
    }
    assert set(vars(page)) == set(before)
    ui_extra_networks.initialize()


@pytest.fixture
def paths(sd1: Bench, webui: Any) -> Iterator[dict[str, Path]]:
    folder = webui.host.embeddings_dir
    width = next(iter(sd1.live().values()))["clip_l"].shape[-1]
    found = {name: folder / f"{name}.pt" for name in ("one", 'two<b>"q', "dark")}
    for name, path in found.items():
        write_embedding(Embedding(vectors={"*": torch.ones(1, width)}, name=name, step=1), path)
    webui.host.publish(found["one"])
    yield found
    shutil.rmtree(folder)
    folder.mkdir()


def _click(page: Any, name: str, tab: str = "txt2img") -> str:
    """The script of a card."""
    item = page.create_item(name)
    text = page.create_item_html(tab, item, "{card_clicked}")
    return html.unescape(text)


def test_a_click_does_what_the_metadata_says(page: Any, paths: dict[str, Path], webui: Any) -> None:
    assert _click(page, "one") == "cardClicked('txt2img', \"one\", '', true);"
    update_user_metadata(paths["dark"], negative=True)
    update_user_metadata(paths["one"], partner="dark")
    webui.host.publish(paths["one"])
    assert _click(page, "dark") == 'textualInversionCard(this, "", "dark");'
    assert _click(page, "one") == 'textualInversionCard(this, "one", "dark");'
    update_user_metadata(paths["one"], partner="not there")
    assert _click(page, "one").startswith("cardClicked(")


def test_a_hostile_name_stays_text(page: Any, paths: dict[str, Path], webui: Any) -> None:
    name = 'two<b>"q'
    update_user_metadata(paths[name], negative=True)
    webui.host.publish(paths[name])
    raw = page.create_item_html("txt2img", page.create_item(name), "{card_clicked}")
    assert "<" not in raw
    assert '"' not in raw


def test_what_is_published_is_on_the_page_that_browsers_get(page: Any, paths: dict[str, Path], webui: Any) -> None:
    update_user_metadata(paths["one"], description="shown at once")
    webui.host.publish(paths["one"])
    for ui in vars(page)["textual_inversion_uis"]:
        assert ["shown at once" in content for content in ui.pages_contents].count(True) == 1
        assert ui.pages_contents.count("old") == 2
    assert page.items["one"]["user_metadata"]["description"] == "shown at once"
    assert "shown at once" in webui.cards_html("img2img")
    assert webui.cards_html("elsewhere") is None


def test_a_page_that_is_not_there_is_no_error(webui: Any) -> None:
    from modules import ui_extra_networks

    from textual_inversion.hosts.webui_page import cards

    kept = [*ui_extra_networks.extra_pages]
    ui_extra_networks.extra_pages.clear()
    try:
        cards.attach(webui.known_names)
        cards.refresh()
        cards.detach()
        assert webui.cards_html("txt2img") is None
    finally:
        ui_extra_networks.extra_pages.extend(kept)
