"""The web UI's own cards of embeddings: which box a click fills, and that they show what is on disk without a Refresh.

The web UI makes its pages of cards anew for each *Reload UI*, so what hangs on the page goes with it.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from modules import ui_extra_networks

from ...core.embedding.pair import negative_name, pair_name
from ...core.embeddings_folder.card_file import UserMetadata, metadata_path, read_user_metadata

_PAGE = "textual inversion"
_UIS = "textual_inversion_uis"
"""On the page: the two places (txt2img, img2img) that show it."""
_WRAPPED = ("create_item", "create_user_metadata_editor", _UIS)


def attach(names: Callable[[], Collection[str]]) -> None:
    """Before the web UI builds its page: hang ourselves on the page of cards. Does nothing where there is none.

    ``names`` are those of the embeddings that prompts know.
    """
    page = _page()
    if page is None or _UIS in vars(page):
        return
    make_item, make_editor = page.create_item, page.create_user_metadata_editor
    uis: list[Any] = []

    def create_item(name: str, *arguments: Any, **named: Any) -> dict[str, Any] | None:
        item = make_item(name, *arguments, **named)
        return {**item, **_shown_as_text(item), **_clicked(page, item, names())} if item else item

    def create_user_metadata_editor(ui: Any, tab: str) -> Any:
        if ui not in uis:
            uis.append(ui)
        return make_editor(ui, tab)

    vars(page).update(
        {"create_item": create_item, "create_user_metadata_editor": create_user_metadata_editor, _UIS: uis}
    )


def detach() -> None:
    page = _page()
    if page is not None:
        for name in _WRAPPED:
            vars(page).pop(name, None)


def refresh() -> None:
    """Have the page that is sent to browsers, and the dialogs of the cards, show what is on disk now.

    The web UI keeps both until somebody presses Refresh; a dialog would write an old card over a new one.
    """
    page = _page()
    if page is None:
        return
    page.lister.reset()
    for ui in vars(page).get(_UIS, ()):
        if ui.pages_contents and page in ui.stored_extra_pages:
            ui.pages_contents[ui.stored_extra_pages.index(page)] = page.create_html(ui.tabname)


def cards_html(tab: str) -> str | None:
    """The cards of a tab (txt2img, img2img) as the web UI writes them; None where it has no such page."""
    page = _page()
    if page is None or tab not in (ui.tabname for ui in vars(page).get(_UIS, ())):
        return None
    page.create_html(tab)  # looks at the disk, and fills what the cards are made from
    return page.create_card_view_html(tab, none_message=None)


def _page() -> Any:
    return next((page for page in ui_extra_networks.extra_pages if page.name == _PAGE), None)


def _shown_as_text(item: Mapping[str, Any]) -> dict[str, Any]:
    """The web UI puts names and descriptions on its cards as text, but the words to search by, with a file's name among them,
    as HTML: a downloaded file could run a script in the page by what it is called."""
    return {"search_terms": [html.escape(term) for term in item.get("search_terms", ()) if isinstance(term, str)]}


def _clicked(page: Any, item: Mapping[str, Any], known: Collection[str]) -> dict[str, str]:
    """Action of a click, where it is not what the web UI does by itself: put the name into the box used last."""
    path, name = Path(item["filename"]), str(item["name"])
    card = read_user_metadata(path) if page.lister.exists(str(metadata_path(path))) else UserMetadata()
    is_half = pair_name(name) != name and pair_name(name) in known  # a pair by its names, as DreamArtist made them
    if card.negative or is_half:
        return {"onclick": _script("", name)}
    partner = card.partner or negative_name(name)
    if partner in known:
        return {"onclick": _script(name, partner), "negative_prompt": ui_extra_networks.quote_js(partner)}
    return {}


def _script(positive: str, negative: str) -> str:
    return html.escape(f"textualInversionCard(this, {json.dumps(positive)}, {json.dumps(negative)});")
