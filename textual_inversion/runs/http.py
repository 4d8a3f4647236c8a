"""The HTTP routes under ``/textual-inversion/v1/`` on the app of whoever hosts us (FastAPI or Starlette).

Plain JSON in and out, no models of a validation library: the same code works with every version of FastAPI that the web
UIs pin. Handlers run in worker threads; none of them holds the event loop.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ..core.errors import InputError, UserError
from ..core.plain_json import finite
from .access import Access
from .api import Api, Call, PictureFile
from .errors import UnknownRunError
from .manager import RunManager

PREFIX = "/textual-inversion/v1"
ANYTHING_ELSE = PREFIX + "/{rest:path}"
MAX_BODY_BYTES = 1_000_000
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

Endpoint = Callable[[Request], Awaitable[Response]]
Handler = Callable[[Call], Any]

_NO_STORE = {"Cache-Control": "no-store"}
_PICTURE_HEADERS = {"X-Content-Type-Options": "nosniff", **_NO_STORE}
_log = logging.getLogger(__name__)


def mount(app: Any, manager: RunManager, *, access: Access | None = None) -> None:
    """Add the routes to ``app``, or replace those of an earlier call; before all others, so none can shadow them."""
    guard = access or Access()
    others = [route for route in app.router.routes if not getattr(route, "path", "").startswith(PREFIX)]
    app.router.routes[:] = [*_routes(Api(manager, guard), guard), *others]


def _routes(api: Api, access: Access) -> list[Route]:
    table: list[tuple[str, str, Handler, int]] = [
        ("POST", "/create", api.create, 200),
        ("POST", "/train", api.train, 202),
        ("POST", "/convert", api.convert, 200),
        ("GET", "/embeddings", api.embeddings, 200),
        ("GET", "/runs", api.runs, 200),
        ("GET", "/runs/{run}", api.run, 200),
        ("GET", "/runs/{run}/events", api.events, 200),
        ("GET", "/runs/{run}/pictures/{number}", api.picture, 200),
        ("POST", "/runs/{run}/interrupt", api.interrupt, 200),
        ("POST", "/runs/{run}/pause", api.pause, 200),
        ("POST", "/runs/{run}/resume", api.resume, 202),
        ("POST", "/runs/{run}/save", api.save, 200),
        ("POST", "/runs/{run}/preview", api.preview, 200),
    ]
    routes = [
        Route(PREFIX + path, _endpoint(handle, access, changes=method == "POST", status=status), methods=[method])
        for method, path, handle, status in table
    ]
    return [*routes, Route(ANYTHING_ELSE, _endpoint(_refuse, access, changes=False, status=404), methods=_METHODS)]


def _refuse(_call: Call) -> Any:
    raise UnknownRunError(
        "There is nothing at this address, or not by this method. The routes are listed in docs/http.md."
    )


def _endpoint(handle: Handler, access: Access, *, changes: bool, status: int) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        content = await _limited(request) if changes else b""

        def work() -> Any:
            access.check_origin(request)
            access.authorize(request)
            body = _json_body(request, content) if changes else {}
            return handle(Call(body=body, path=dict(request.path_params), query=dict(request.query_params)))

        return await _answer(work, status)

    return endpoint


async def _limited(request: Request) -> bytes:
    """The body, or its beginning: one byte too much is enough to refuse it."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MAX_BODY_BYTES:
            break
    return content


def _json_body(request: Request, content: bytes) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise InputError(f"The body has to be application/json; this one is {kind or 'of no stated kind'}.")
    if len(content) > MAX_BODY_BYTES:
        raise InputError(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    try:
        body = json.loads(content or b"{}")
    except (ValueError, RecursionError) as error:
        raise InputError(f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise InputError("The body has to be a JSON object: fields by name.")
    return body


async def _answer(work: Callable[[], Any], status: int) -> Response:
    try:
        result = await run_in_threadpool(work)
    except UserError as error:
        return _refusal(error.message, error.field, getattr(error, "status", 400))
    except Exception as error:
        _log.exception("A request failed")
        return _refusal(f"A fault in the program ({type(error).__name__}). Its log has the details.", None, 500)
    if isinstance(result, PictureFile):
        return FileResponse(result.path, media_type=result.media_type, headers=_PICTURE_HEADERS)
    return Response(json.dumps(finite(result)), status_code=status, media_type="application/json", headers=_NO_STORE)


def _refusal(message: str, field: str | None, status: int) -> Response:
    headers = {**_NO_STORE, **({"WWW-Authenticate": "Basic"} if status == 401 else {})}
    return JSONResponse({"error": message, "field": field}, status_code=status, headers=headers)
