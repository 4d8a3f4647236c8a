"""All routes, in the order of the documentation."""

from __future__ import annotations

from ...runs.manager import RunManager
from ...runs.preparing import Preparations
from ..access import Access
from ..folder_access import Folders
from ..routing import Routes, RouteTable
from .cards import CardRoutes, CardsHtml
from .forms import FormRoutes
from .library import LibraryRoutes
from .masks import MaskRoutes
from .prepare import PrepareRoutes
from .runs import RunRoutes
from .sheets import SheetRoutes

AREAS: tuple[type[Routes], ...] = (
    RunRoutes,
    CardRoutes,
    LibraryRoutes,
    SheetRoutes,
    PrepareRoutes,
    MaskRoutes,
    FormRoutes,
)
"""Every class of routes there is."""


def route_table(
    manager: RunManager, access: Access, *, preparations: Preparations, cards: CardsHtml | None
) -> RouteTable:
    """The routes of one app; ``cards`` where a web UI has them."""
    folders = Folders(access)
    owners: list[Routes] = [
        RunRoutes(manager, access),
        LibraryRoutes(manager, access),
        SheetRoutes(manager, access),
        PrepareRoutes(manager, folders, preparations),
        MaskRoutes(manager, folders),
    ]
    more: list[Routes] = [CardRoutes(cards)] if cards is not None else []
    return RouteTable([*more, FormRoutes(owners), *owners])
