"""AUTOMATIC1111's web UI beyond its model. Implements ``hosts.webui.WebUI``."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modules import paths_internal, shared

from ...core.base.control import Control
from ...core.record.events import Emit
from ...core.record.kept_steps import StepCopies
from ..webui import OwnSetting, Tab
from ..webui_page import cards
from ..webui_page.callbacks import when
from ..webui_page.gate import QueueGate, shown_in_queue
from ..webui_page.login import Login
from ..webui_page.settings import Settings
from ..webui_page.txt2img import Txt2Img
from .host import A1111Host
from .text.pair_prompts import AddPartner
from .text.step_prompts import StepPrompts

if TYPE_CHECKING:
    from starlette.requests import Request


class A1111:
    """Made once a process; what the command line said does not change."""

    def __init__(self) -> None:
        self.host = A1111Host()
        self.gate = QueueGate()
        self._login = Login()
        self._settings = Settings()
        self._txt2img = Txt2Img()

    @property
    def confined_to(self) -> Sequence[Path] | None:
        """As for installing extensions: with others on the net, only where the web UI was told that this is all right."""
        options = shared.cmd_opts
        if not _is_public(options) or options.enable_insecure_extension_access:
            return None
        return (Path(paths_internal.data_path), Path(paths_internal.script_path))

    @property
    def served_names(self) -> Sequence[str] | None:
        if self._login.wanted or shared.cmd_opts.share:  # a name made up by the share service, hard to guess
            return None
        origins = (shared.cmd_opts.cors_allow_origins or "").split(",")
        allowed = [urlsplit(origin.strip()).hostname or "" for origin in origins if origin.strip()]
        return [name for name in (*allowed, shared.cmd_opts.server_name or "") if name]

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

    def extend(self, copies: StepCopies) -> None:
        steps, partner = StepPrompts(copies), AddPartner()
        when("before_ui", cards.attach)
        for undo in (steps.remove, partner.remove, cards.detach):
            when("script_unloaded", undo)

    def cards_html(self, tab: str) -> str | None:
        return cards.cards_html(tab)


def _is_public(options: Any) -> bool:
    return bool(options.share or options.listen or options.ngrok or not _is_loopback(options.server_name))


def _is_loopback(name: str | None) -> bool:
    if not name or name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
