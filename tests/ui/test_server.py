from __future__ import annotations

import socket
import urllib.request

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from textual_inversion.core.base.errors import InputError
from textual_inversion.ui import server
from textual_inversion.ui.server import served


def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("here")


def busy_port() -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


def test_it_answers_on_the_next_free_port_and_ends_with_the_block() -> None:
    with busy_port() as taken:
        port = taken.getsockname()[1]
        with served(Starlette(routes=[Route("/", answer)]), address="127.0.0.1", port=port) as url:
            assert int(url.rstrip("/").rsplit(":", 1)[1]) > port
            assert urllib.request.urlopen(url, timeout=10).read() == b"here"
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(url, timeout=10)


def test_no_free_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_PORTS_TRIED", 1)
    with (
        busy_port() as taken,
        pytest.raises(InputError, match=r"No port from \d+ to \d+ is free at 127\.0\.0\.1"),
        served(Starlette(), address="127.0.0.1", port=taken.getsockname()[1]),
    ):
        pytest.fail("served on a taken port")


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with (
        pytest.raises(InputError, match=f"{port} is no port; choose one from 0"),
        served(Starlette(), address="127.0.0.1", port=port),
    ):
        pytest.fail("served")
