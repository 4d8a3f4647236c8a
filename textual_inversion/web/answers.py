"""Responses: to what a route gives, or to why it gives nothing."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response

from ..core.base.errors import UserError
from ..core.base.files import read_error
from ..core.base.json_values import finite
from .content import Content

if TYPE_CHECKING:
    from .routing import Answer

_NO_STORE = {"Cache-Control": "no-store"}
_log = logging.getLogger(__name__)


def response(answer: Answer, status: int) -> Response:
    """Put into a response what a route gives, with its status."""
    if isinstance(answer, Content):
        return Response(answer.data, media_type=answer.media_type, headers=_content_headers(answer))
    return _json(finite(answer), status)


def refusal(error: Exception) -> Response:
    """A sentence for what went wrong; what nobody expected is a fault of ours, 500, and stands in the log."""
    known = read_error(error) if isinstance(error, OSError) else error
    if not isinstance(known, UserError):
        _log.error("A request failed", exc_info=error)
        return _refusal(f"A fault in the program ({type(error).__name__}). Its log has the details.", None, 500)
    return _refusal(known.message, known.field, getattr(known, "status", 400))


def _content_headers(content: Content) -> dict[str, str]:
    kept = {"Cache-Control": "private, max-age=86400"} if content.keep else _NO_STORE
    name = (
        {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(content.file_name)}"} if content.file_name else {}
    )
    return {"X-Content-Type-Options": "nosniff", **kept, **name}


def _refusal(message: str, field: str | None, status: int) -> Response:
    asks = {"WWW-Authenticate": "Basic"} if status == 401 else {}
    return _json({"error": message, "field": field}, status, **asks)


def _json(value: Any, status: int, **headers: str) -> Response:
    """In ASCII: a name that the disk has and that is no text goes through escaped."""
    content = json.dumps(value)
    return Response(content, status_code=status, media_type="application/json", headers={**_NO_STORE, **headers})
