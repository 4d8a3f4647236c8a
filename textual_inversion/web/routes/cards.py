"""The route of a web UI's own cards of embeddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...core.base.options import option
from ..routing import Routes, route

CardsHtml = Callable[[str], str | None]
"""From the name of a tab to its cards as HTML; None where it has none."""


@dataclass(frozen=True, kw_only=True)
class CardsRequest:
    """The cards of one tab."""

    tab: str = option("", "Tab", group="Cards", help="txt2img or img2img.")


class CardRoutes(Routes):
    """``html`` draws the cards."""

    def __init__(self, html: CardsHtml) -> None:
        self._html = html

    @route(
        "GET",
        "/cards/{tab}",
        CardsRequest,
        answer="in a web UI only: `html`, its own cards of embeddings as they are now, for its tab `txt2img` or "
        "`img2img`; null without them",
    )
    def cards(self, request: CardsRequest) -> dict[str, str | None]:
        return {"html": self._html(request.tab)}
