"""Puts the tab and the HTTP routes into a web UI."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core.config import TrainConfig
from ..core.control import Control
from ..core.events import Emit, Finished
from ..core.host import Host
from ..core.step_copies import StepCopies
from ..hosts.webui import Tab, WebUI
from ..runs.guarded import GuardedAccess
from ..runs.http import Handler, mount
from ..runs.manager import RunManager
from ..runs.registry import kept_manager
from ..runs.run import Train
from .webui_tab import build_tab

TITLE = "Textual Inversion"
ELEMENT = "textual_inversion"


def install(webui: WebUI) -> None:
    """Register with the web UI. Called again after each *Reload UI*: the runs that go on then stay."""
    access = GuardedAccess(admits=webui.admits, names=webui.served_names, roots=webui.confined_to)
    manager = kept_manager(lambda: _manager(webui))
    webui.on_tabs(_tab(manager, access))
    webui.on_app(lambda app: mount(app, manager, access=access, more={"/cards/{tab}": _cards(webui)}))
    webui.extend(StepCopies(lambda: manager.log_dirs))


def _cards(webui: WebUI) -> Handler:
    return lambda call: {"html": webui.cards_html(call.path["tab"])}


def _tab(manager: RunManager, access: GuardedAccess) -> Callable[[], Tab]:
    return lambda: (build_tab(manager, access), TITLE, ELEMENT)


def _manager(webui: WebUI) -> RunManager:
    return RunManager(webui.host, webui.gate, train=_watched(webui), watch=webui.watch, log_dirs=[Path(TrainConfig().log_dir)])


def _watched(webui: WebUI) -> Train:
    """``core.run.train``, seen by the web UI's progress display and Interrupt. Imported with the first run."""

    def run(
        config: TrainConfig,
        host: Host,
        *,
        control: Control,
        emit: Emit,
        resume: Path | None = None,
        from_step: int | None = None,
    ) -> Finished:
        from ..core.run import train

        with webui.watch(emit, control) as told:
            return train(config, host, control=control, emit=told, resume=resume, from_step=from_step)

    return run
