"""The HTTP routes under ``/textual-inversion/v1/`` on the app of whoever hosts us (FastAPI or Starlette).

Plain JSON in and out, no models of a validation library: the same code works with every version of FastAPI that the web UIs
pin. What answers is imported with the first call, and works in worker threads; none of it holds the event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..runs.preparing import Preparations
from .access import Access
from .answers import refusal, response
from .bodies import json_body, limited

if TYPE_CHECKING:
    from ..runs.manager import RunManager
    from .routing import Bound, RouteTable

PREFIX = "/textual-inversion/v1"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def mount(
    app: Any,
    manager: RunManager,
    *,
    access: Access | None = None,
    cards: Callable[[str], str | None] | None = None,
    preparations: Preparations | None = None,
) -> None:
    """Add the routes to ``app``, or replace those of an earlier call; before all others, so none can shadow them.

    ``cards`` are a web UI's own cards of embeddings for one of its tabs, as HTML; ``preparations`` the jobs of the Prepare tab,
    where they are to outlive this call.
    """
    guard = access or Access()
    jobs = preparations or Preparations(borrow=manager.borrow)
    table = _Later(lambda: _table(manager, guard, jobs, cards))
    others = [route for route in app.router.routes if not getattr(route, "path", "").startswith(PREFIX)]
    everything = Route(PREFIX + "/{rest:path}", partial(_endpoint, table=table, access=guard), methods=_METHODS)
    app.router.routes[:] = [everything, *others]


class _Later:
    """The route table, made with the first call."""

    def __init__(self, make: Callable[[], RouteTable]) -> None:
        self._make = make
        self._made: RouteTable | None = None
        self._making = threading.Lock()

    def get(self) -> RouteTable:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made


def _table(
    manager: RunManager, access: Access, jobs: Preparations, cards: Callable[[str], str | None] | None
) -> RouteTable:
    from .routes.table import route_table

    return route_table(manager, access, preparations=jobs, cards=cards)


async def _endpoint(request: Request, *, table: _Later, access: Access) -> Response:
    """Find the route, once the caller may have it, take the body in as far as that route allows, and answer."""

    def admitted() -> tuple[Bound, dict[str, str]]:
        access.check_origin(request)
        access.authorize(request)
        return table.get().find(request.method, f"/{request.path_params['rest']}")

    def asked() -> Response:
        bound, path = admitted()
        return response(bound.answer(path, dict(request.query_params)), bound.route.status)

    def told(bound: Bound, path: dict[str, str], content: bytes) -> Response:
        given = json_body(request, content, bound.route.most)
        return response(bound.answer(path, given), bound.route.status)

    try:
        if request.method != "POST":
            return await run_in_threadpool(asked)
        bound, path = await run_in_threadpool(admitted)
        return await run_in_threadpool(told, bound, path, await limited(request, bound.route.most))
    except Exception as error:
        return refusal(error)
