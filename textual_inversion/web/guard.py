"""A guard around a whole app: what other sites send is refused before any route of it is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from ..runs.errors import DeniedError
from .access import Access
from .answers import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_POLICY_VIOLATION = 1008


class OriginGuard:
    """ASGI middleware. Pages of other sites may link here; they may send, load, embed and listen to nothing."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] in ("http", "websocket"):
            connection = HTTPConnection(scope)
            try:
                self._access.check_origin(connection, opens_page=_opens_page(connection))
            except DeniedError as error:
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                else:
                    await refusal(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _opens_page(connection: HTTPConnection) -> bool:
    """Tell whether a person follows a link to the page, in a window of its own."""
    headers = connection.headers
    return (
        connection.scope.get("method") in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
