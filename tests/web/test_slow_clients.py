"""A client that sends its body byte by byte is sent away; others are not, however large their body."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from textual_inversion.runs.manager import RunManager
from textual_inversion.web import bodies
from textual_inversion.web.app import PREFIX, mount


async def sent(body: AsyncIterator[bytes], manager: RunManager) -> httpx.Response:
    app = Starlette()
    mount(app, manager)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost" + PREFIX + "/") as client:
        return await client.post("queue", content=body, headers={"content-type": "application/json"})


def test_byte_by_byte(manager: RunManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_SECONDS", 0.3)

    async def drops() -> AsyncIterator[bytes]:
        for letter in json.dumps({"go_on_after_restart": True}) * 100:
            yield letter.encode()
            await asyncio.sleep(0.05)

    answer = asyncio.run(asyncio.wait_for(sent(drops(), manager), 20))
    assert answer.status_code == 408
    assert answer.json()["error"].startswith("The body came too slowly: ")


def test_many_bytes_have_more_time(manager: RunManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(bodies, "LEAST_RATE", 10_000.0)

    async def stream() -> AsyncIterator[bytes]:
        yield b"{"
        for _ in range(8):
            yield b" " * 5000
            await asyncio.sleep(0.1)
        yield b'"go_on_after_restart": false}'

    answer = asyncio.run(asyncio.wait_for(sent(stream(), manager), 20))
    assert (answer.status_code, answer.json()["go_on_after_restart"]) == (200, False)
