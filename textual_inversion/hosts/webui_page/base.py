"""A web UI of A1111's line beyond its model: queue, page, settings, server and login. An adapter derives its own from this.

What such web UIs have in common is looked for and not asked by name: flags of the command line that one lacks count as not given.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modules import paths, shared

from ...core.base.control import Control
from ...core.model.host import Host
from ...core.record.events import Emit
from ...core.record.kept_steps import StepCopies
from ..webui import Capability, OwnSetting, Tab
from .callbacks import when
from .gate import QueueGate, shown_in_queue
from .login import Login, api_users, gradio_users
from .settings import Settings
from .txt2img import Txt2Img

if TYPE_CHECKING:
    from starlette.requests import Request


class BaseWebUI:
    """Implements ``hosts.webui.WebUI`` but for what prompts and cards can do. Made once a process; what the command line said
    does not change."""

    lacks: Mapping[Capability, str] = {}
    flags: Mapping[str, str] = {}
    """Names of this web UI for flags of the command line that A1111 calls otherwise."""

    def __init__(self, host: Host, *, login: Login | None = None) -> None:
        self.host = host
        self.gate: AbstractContextManager[Any] = QueueGate()
        self._login = login or Login([*api_users(), *gradio_users()])
        self._settings = Settings()
        self._txt2img = Txt2Img()

    @property
    def confined_to(self) -> Sequence[Path] | None:
        """As for installing extensions: with others on the net, only where the web UI was told that this is all right."""
        if not self._is_public() or self._flag("enable_insecure_extension_access"):
            return None
        return (Path(paths.data_path), Path(paths.script_path))

    @property
    def served_names(self) -> Sequence[str] | None:
        if self._login.wanted or self._flag("share"):  # a name made up by the share service, hard to guess
            return None
        origins = (self._flag("cors_allow_origins") or "").split(",")
        allowed = [urlsplit(origin.strip()).hostname or "" for origin in origins if origin.strip()]
        return [name for name in (*allowed, self._flag("server_name") or "") if name]

    @property
    def txt2img(self) -> Mapping[str, Any]:
        return self._txt2img.widgets

    def training_defaults(self) -> Mapping[str, Any]:
        return self._settings.training()

    def add_settings(self, settings: Sequence[OwnSetting], explained: Sequence[tuple[str, str]]) -> None:
        self._settings.add(settings, explained)

    def admits(self, request: Request) -> bool:
        return self._login.admits(request)

    def watch(self, emit: Emit, control: Control) -> AbstractContextManager[Emit]:
        return shown_in_queue(emit, control)

    def on_tabs(self, make: Callable[[], Tab | None]) -> None:
        when("ui_tabs", lambda: [tab] if (tab := make()) else [])

    def on_app(self, mount: Callable[[Any], None]) -> None:
        when("app_started", lambda _page, app: mount(app))

    def _flag(self, name: str) -> Any:
        return getattr(shared.cmd_opts, self.flags.get(name, name), None)

    def _is_public(self) -> bool:
        asked = any(self._flag(name) for name in ("share", "listen", "ngrok"))
        return asked or not _is_loopback(self._flag("server_name"))

    def extend(self, copies: StepCopies) -> None:
        """Nothing here: prompts and cards are the adapter's."""

    def cards_html(self, tab: str) -> str | None:
        return None


def _is_loopback(name: str | None) -> bool:
    if not name or name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
