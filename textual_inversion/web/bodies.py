"""Bodies of requests, taken in as far as is allowed, and read as fields by name."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request

from ..core.base.errors import InputError

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


async def limited(request: Request, most: int) -> bytes:
    """The body, or its beginning: one byte more than ``most`` is enough to refuse it."""
    content = bytearray()
    with suppress(ClientDisconnect):  # nobody will read the answer
        async for part in request.stream():
            content += part
            if len(content) > most:
                break
    return bytes(content)


def json_body(request: Request, content: bytes, most: int) -> dict[str, Any]:
    """The fields of a JSON object. Raises InputError for anything else."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise InputError(f"The body has to be application/json; this one is {kind or 'of no stated kind'}.")
    if len(content) > most:
        raise InputError(f"The body is larger than {most} bytes.")
    try:
        body = json.loads((content or b"{}").decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise InputError("The body has to be a JSON object: fields by name.")
    if _ESCAPED_HALF.search(content) and _HALF.search(json.dumps(body, ensure_ascii=False)):
        raise InputError(
            "The body is not text: it holds half of a character (\\ud800 to \\udfff without its other half)."
        )
    return body
