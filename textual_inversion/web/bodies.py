"""Bodies of requests, taken in as far as is allowed, and read as fields by name."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import suppress
from typing import Any, ClassVar

from starlette.requests import ClientDisconnect, Request

from ..core.base.errors import InputError, UserError

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


PATIENCE_SECONDS = 30.0
LEAST_RATE = 4000.0
"""Bytes a second. A body may take so long, and the patience besides."""


class TooSlowError(UserError):
    """A client that sends its body byte by byte, and holds a connection with it."""

    status: ClassVar[int] = 408


async def limited(request: Request, most: int) -> bytes:
    """The body, or its beginning: one byte more than ``most`` is enough to refuse it. Raises TooSlowError."""
    content = bytearray()
    began = time.monotonic()
    stream = request.stream()
    with suppress(ClientDisconnect, StopAsyncIteration):  # nobody will read the answer; it is all there
        while len(content) <= most:
            left = PATIENCE_SECONDS + len(content) / LEAST_RATE - (time.monotonic() - began)
            try:
                content += await asyncio.wait_for(anext(stream), max(left, 0.0))
            except asyncio.TimeoutError:
                raise TooSlowError(
                    f"The body came too slowly: {len(content)} bytes in {time.monotonic() - began:.0f} seconds."
                ) from None
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
