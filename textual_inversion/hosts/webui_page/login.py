"""Check who may talk to the web UI: Gradio's login (a cookie), or the API's (HTTP Basic)."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from modules import shared

if TYPE_CHECKING:
    from starlette.requests import Request

Credentials = tuple[str, str]


class Login:
    """The logins that the web UI was started with. None of them guards routes of extensions by itself."""

    def __init__(self, users: Iterable[Credentials]) -> None:
        self._users: Sequence[Credentials] = tuple(users)

    @property
    def wanted(self) -> bool:
        return bool(self._users)

    def admits(self, request: Request) -> bool:
        """True without a login; else for the page's cookie, and for the name and password of any of its users."""
        return not self.wanted or _has_cookie(request) or self._has_password(request)

    def _has_password(self, request: Request) -> bool:
        given = _basic(request.headers.get("authorization", ""))
        if given is None:
            return False
        name, password = (part.encode() for part in given)
        admitted = False
        for user, secret in self._users:  # all of them: the time must not tell which name exists
            admitted |= secrets.compare_digest(name, user.encode()) & secrets.compare_digest(password, secret.encode())
        return admitted


def _has_cookie(request: Request) -> bool:
    """Gradio keeps the tokens of those who logged in on its app; before the first there is none."""
    tokens = getattr(request.app, "tokens", None) or {}
    return any(value in tokens for name, value in request.cookies.items() if name.startswith("access-token"))


def _basic(header: str) -> Credentials | None:
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None


def api_users() -> list[Credentials]:
    """Those of ``--api-auth``."""
    pairs = (entry.partition(":") for entry in (getattr(shared.cmd_opts, "api_auth", None) or "").split(",") if entry)
    return [(user, password) for user, _, password in pairs]


def gradio_users() -> list[Credentials]:
    """Those of ``--gradio-auth`` and ``--gradio-auth-path``."""
    from modules.initialize_util import get_gradio_auth_creds

    return [(pair[0], pair[1]) for pair in get_gradio_auth_creds() if len(pair) == 2]
