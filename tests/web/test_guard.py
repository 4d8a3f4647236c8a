"""The guard around a whole app: other sites, foreign names, web sockets."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from textual_inversion.web.access import Access
from textual_inversion.web.guard import OriginGuard


def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("served")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/{any:path}", page, methods=["GET", "POST"]), WebSocketRoute("/talk", talk)])
    return TestClient(OriginGuard(app, Access()), base_url="http://127.0.0.1:7860")


OWN, FOREIGN = "http://127.0.0.1:7860", "http://evil.example"
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 200),
        ("POST", {"origin": OWN}, 200),
        ("POST", {"origin": FOREIGN}, 403),
        ("POST", {"origin": FOREIGN, "host": "evil.example"}, 403),
        ("GET", {"host": "evil.example"}, 403),
        ("GET", {"sec-fetch-site": "same-origin"}, 200),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ("GET", LINK, 200),
        ("GET", {**LINK, "host": "evil.example"}, 403),
        ("GET", {**LINK, "sec-fetch-dest": "iframe"}, 403),
        ("POST", LINK, 403),
    ],
)
def test_other_sites_may_link_here_and_nothing_else(
    client: TestClient, method: str, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, "/anything", headers=headers)
    assert answer.status_code == status
    assert answer.text == "served" if status == 200 else answer.json()["error"]


def test_web_sockets_too(client: TestClient) -> None:
    with client.websocket_connect("/talk", headers={"origin": OWN, "host": "127.0.0.1:7860"}) as socket:
        assert socket.receive_text() == "hello"
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/talk", headers={"origin": FOREIGN, "host": "127.0.0.1:7860"}),
    ):
        pytest.fail("let in")
