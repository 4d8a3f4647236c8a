"""The HTTP routes under ``/textual-inversion/v1/`` on the app of whoever hosts us (FastAPI or Starlette).

Plain JSON in and out, no models of a validation library: the same code works with every version of FastAPI that the web
UIs pin. Handlers run in worker threads; none of them holds the event loop.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..core.base.errors import InputError, UserError
from ..core.base.json_values import finite
from ..runs.errors import UnknownRunError
from ..runs.manager import RunManager
from ..runs.preparing import Preparations
from .access import Access
from .content import Content
from .later import LaterApi
from .routes.runs import Api, Call, PictureFile

PREFIX = "/textual-inversion/v1"
ANYTHING_ELSE = PREFIX + "/{rest:path}"
MAX_BODY_BYTES = 1_000_000
MAX_UPLOAD_BYTES = 140_000_000
"""An embedding in a picture, in Base64: 4/3 of what formats/limits.py allows, and a little."""
UPLOADS = ("/embeddings/picture", "/embeddings/extract")
MAX_MASK_BYTES = 8_000_000
MASKS = ("/prepare/mask", "/prepare/spread-mask")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

Endpoint = Callable[[Request], Awaitable[Response]]
Handler = Callable[[Call], Any]
Entry = tuple[str, str, Handler, int]
"""Method, path below the prefix, what answers, the status of success."""

_NO_STORE = {"Cache-Control": "no-store"}
_PICTURE_HEADERS = {"X-Content-Type-Options": "nosniff", **_NO_STORE}
_log = logging.getLogger(__name__)


def mount(
    app: Any,
    manager: RunManager,
    *,
    access: Access | None = None,
    more: Mapping[str, Handler] | None = None,
    preparations: Preparations | None = None,
) -> None:
    """Add the routes to ``app``, or replace those of an earlier call; before all others, so none can shadow them.

    ``more`` are what a web UI answers by GET besides; ``preparations`` the jobs of the Prepare tab, where they are to
    outlive this call.
    """
    guard = access or Access()
    jobs = preparations or Preparations(borrow=manager.borrow)
    changing = threading.Lock()
    prepare = LaterApi(lambda: _prepare_api(manager, _folders(guard, changing), jobs))
    masks = LaterApi(lambda: _mask_api(manager, _folders(guard, changing)))
    library = LaterApi(lambda: _library_api(manager, guard))
    later = [*_library_routes(library), *_prepare_routes(prepare), *_mask_routes(masks)]
    others = [route for route in app.router.routes if not getattr(route, "path", "").startswith(PREFIX)]
    app.router.routes[:] = [*_routes(Api(manager, guard), later, guard, more or {}), *others]


def _routes(api: Api, later: Sequence[Entry], access: Access, more: Mapping[str, Handler]) -> list[Route]:
    table: list[Entry] = [
        ("POST", "/create", api.create, 200),
        ("POST", "/train", api.train, 202),
        ("POST", "/convert", api.convert, 200),
        *later,
        ("GET", "/queue", api.queue, 200),
        ("POST", "/queue", api.change_queue, 200),
        ("GET", "/runs", api.runs, 200),
        ("GET", "/runs/{run}", api.run, 200),
        ("GET", "/runs/{run}/events", api.events, 200),
        ("GET", "/runs/{run}/pictures/{number}", api.picture, 200),
        ("POST", "/runs/{run}/interrupt", api.interrupt, 200),
        ("POST", "/runs/{run}/pause", api.pause, 200),
        ("POST", "/runs/{run}/resume", api.resume, 202),
        ("POST", "/runs/{run}/save", api.save, 200),
        ("POST", "/runs/{run}/preview", api.preview, 200),
        ("POST", "/runs/{run}/use", api.use, 200),
        ("POST", "/runs/{run}/start", api.start, 202),
        ("POST", "/runs/{run}/move", api.move, 200),
        *(("GET", path, handle, 200) for path, handle in more.items()),
    ]
    routes = [
        Route(
            PREFIX + path,
            _endpoint(
                handle,
                access,
                most=_most(path) * (method == "POST"),
                status=status,
            ),
            methods=[method],
        )
        for method, path, handle, status in table
    ]
    return [*routes, Route(ANYTHING_ELSE, _endpoint(_refuse, access, most=0, status=404), methods=_METHODS)]


def _most(path: str) -> int:
    """Bytes that a body may have."""
    if path in MASKS:
        return MAX_MASK_BYTES
    return MAX_UPLOAD_BYTES if path in UPLOADS else MAX_BODY_BYTES


def _library_routes(library: LaterApi) -> list[Entry]:
    return [
        ("GET", "/embeddings", library.handler("embeddings"), 200),
        ("GET", "/embeddings/details", library.handler("details"), 200),
        ("GET", "/embeddings/nearest", library.handler("nearest"), 200),
        ("GET", "/embeddings/picture", library.handler("picture"), 200),
        ("GET", "/embeddings/download", library.handler("download"), 200),
        ("GET", "/embeddings/trash", library.handler("trash"), 200),
        ("GET", "/embeddings/sheets", library.handler("sheets"), 200),
        ("GET", "/embeddings/sheets/{sheet}", library.handler("sheet_state"), 200),
        ("GET", "/embeddings/sheets/{sheet}/picture", library.handler("sheet_picture"), 200),
        ("POST", "/embeddings/card", library.handler("card"), 200),
        ("POST", "/embeddings/rename", library.handler("rename"), 200),
        ("POST", "/embeddings/convert", library.handler("convert"), 200),
        ("POST", UPLOADS[0], library.handler("set_picture"), 200),
        ("POST", UPLOADS[1], library.handler("extract"), 200),
        ("POST", "/embeddings/combine", library.handler("combine"), 200),
        ("POST", "/embeddings/delete", library.handler("delete"), 200),
        ("POST", "/embeddings/restore", library.handler("restore"), 200),
        ("POST", "/embeddings/purge", library.handler("purge"), 200),
        ("POST", "/embeddings/sheets", library.handler("sheet"), 202),
        ("POST", "/embeddings/sheets/{sheet}/cancel", library.handler("sheet_cancel"), 200),
    ]


def _prepare_routes(prepare: LaterApi) -> list[Entry]:
    table = [
        ("GET", "/prepare/form", "form", 200),
        ("GET", "/prepare/jobs", "jobs", 200),
        ("GET", "/prepare/jobs/{job}", "job", 200),
        ("GET", "/prepare/jobs/{job}/picture", "result", 200),
        ("GET", "/prepare/folder", "folder", 200),
        ("GET", "/prepare/picture", "picture", 200),
        ("POST", "/prepare/preview", "preview", 200),
        ("POST", "/prepare/start", "start", 202),
        ("POST", "/prepare/caption", "caption", 202),
        ("POST", "/prepare/jobs/{job}/interrupt", "interrupt", 200),
        ("POST", "/prepare/edit", "edit", 200),
        ("POST", "/prepare/undo", "undo", 200),
        ("POST", "/prepare/exclude", "exclude", 200),
        ("POST", "/prepare/restore", "restore", 200),
        ("POST", "/prepare/check", "check", 200),
    ]
    return [(method, path, prepare.handler(name), status) for method, path, name, status in table]


def _mask_routes(masks: LaterApi) -> list[Entry]:
    return [
        ("GET", "/prepare/mask", masks.handler("mask"), 200),
        ("POST", MASKS[0], masks.handler("set_mask"), 200),
        ("POST", MASKS[1], masks.handler("spread_mask"), 200),
    ]


def _folders(access: Access, changing: threading.Lock) -> Any:
    from .folder_access import Folders

    return Folders(access, changing=changing)


def _mask_api(manager: RunManager, folders: Any) -> Any:
    from .routes.masks import mask_api

    return mask_api(manager, folders)


def _library_api(manager: RunManager, access: Access) -> Any:
    from .routes.library import LibraryApi

    return LibraryApi(manager, access)


def _prepare_api(manager: RunManager, folders: Any, jobs: Preparations) -> Any:
    from .routes.prepare import prepare_api

    return prepare_api(manager, folders, jobs)


def _refuse(_call: Call) -> Any:
    raise UnknownRunError(
        "There is nothing at this address, or not by this method. The routes are listed in docs/http.md."
    )


def _endpoint(handle: Handler, access: Access, *, most: int, status: int) -> Endpoint:
    """``most``: bytes of the body that is wanted, 0 where none is (nothing is changed then)."""

    async def endpoint(request: Request) -> Response:
        def admit() -> None:
            access.check_origin(request)
            access.authorize(request)

        if most > MAX_BODY_BYTES and (refused := await _refusal_of(admit)):  # before much is taken in
            return refused
        content = await _limited(request, most) if most else b""

        def work() -> Any:
            admit()
            body = _json_body(request, content, most) if most else {}
            return handle(Call(body=body, path=dict(request.path_params), query=dict(request.query_params)))

        return await _answer(work, status)

    return endpoint


async def _refusal_of(check: Callable[[], None]) -> Response | None:
    try:
        await run_in_threadpool(check)
    except UserError as error:
        return _refusal(error.message, error.field, getattr(error, "status", 400))
    return None


async def _limited(request: Request, most: int) -> bytes:
    """The body, or its beginning: one byte too much is enough to refuse it."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            break
    return bytes(content)


def _json_body(request: Request, content: bytes, most: int) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise InputError(f"The body has to be application/json; this one is {kind or 'of no stated kind'}.")
    if len(content) > most:
        raise InputError(f"The body is larger than {most} bytes.")
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
        return Response(result.data, media_type=result.media_type, headers=_PICTURE_HEADERS)
    if isinstance(result, Content):
        return Response(result.data, media_type=result.media_type, headers=_content_headers(result))
    return Response(json.dumps(finite(result)), status_code=status, media_type="application/json", headers=_NO_STORE)


def _content_headers(content: Content) -> dict[str, str]:
    kept = {"Cache-Control": "private, max-age=86400"} if content.keep else _NO_STORE
    name = (
        {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(content.file_name)}"} if content.file_name else {}
    )
    return {"X-Content-Type-Options": "nosniff", **kept, **name}


def _refusal(message: str, field: str | None, status: int) -> Response:
    headers = {**_NO_STORE, **({"WWW-Authenticate": "Basic"} if status == 401 else {})}
    return JSONResponse({"error": message, "field": field}, status_code=status, headers=headers)
