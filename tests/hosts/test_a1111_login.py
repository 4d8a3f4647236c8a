"""Who is let in, by the logins that a real AUTOMATIC1111 was started with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.host


@pytest.fixture
def logins(webui: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from modules import shared

    from textual_inversion.hosts.webui_page.login import Login, api_users, gradio_users

    monkeypatch.setattr(shared.cmd_opts, "api_auth", "api:one,other:two")
    monkeypatch.setattr(shared.cmd_opts, "gradio_auth", "page:three")
    return Login([*api_users(), *gradio_users()])


@pytest.mark.parametrize(
    ("headers", "cookies", "admitted"),
    [
        ({}, {}, False),
        ({"authorization": "Basic YXBpOm9uZQ=="}, {}, True),
        ({"authorization": "Basic cGFnZTp0aHJlZQ=="}, {}, True),
        ({"authorization": "Basic YXBpOnR3bw=="}, {}, False),
        ({"authorization": "Basic !"}, {}, False),
        ({"authorization": "Bearer YXBpOm9uZQ=="}, {}, False),
        ({}, {"access-token": "known"}, True),
        ({}, {"access-token-unsecure": "known"}, True),
        ({}, {"access-token": "guessed"}, False),
        ({}, {"other": "known"}, False),
    ],
)
def test_the_login_admits(logins: Any, headers: dict[str, str], cookies: dict[str, str], admitted: bool) -> None:
    class Request:
        app = type("App", (), {"tokens": {"known": "page"}})()

    request = Request()
    request.headers, request.cookies = headers, cookies  # type: ignore[attr-defined]
    assert logins.admits(request) is admitted


def test_without_a_login_everyone_is_admitted(webui: Any) -> None:
    assert webui.admits(object())
