"""Puts the tab and the HTTP routes into a web UI."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.base.control import Control
from ..core.model.host import Host
from ..core.record.events import Emit, Finished
from ..core.record.kept_steps import StepCopies
from ..core.settings.train_config import TrainConfig
from ..hosts.webui import Tab, WebUI
from ..runs.manager import QUEUE_FILE, RunManager, check_settings
from ..runs.preparing import Preparations
from ..runs.registry import kept_manager, kept_preparations
from ..runs.run import Train
from ..web.app import mount
from ..web.hosted_access import GuardedAccess
from ..webui_start import told
from .webui_settings import explained, own_settings
from .webui_tab import build_tab

TITLE = "Textual Inversion"
ELEMENT = "textual_inversion"


def install(webui: WebUI) -> None:
    """Register with the web UI. Called again after each *Reload UI*: the runs that go on then stay."""
    own_models = hasattr(type(webui.host), "caption_models")  # of the type: making them would import them
    webui.add_settings(own_settings(webui.lacks), explained(own_caption_models=own_models))
    access = GuardedAccess(admits=webui.admits, names=webui.served_names, roots=webui.confined_to)
    manager = kept_manager(lambda: _manager(webui))
    webui.on_tabs(told(_tab(webui, manager, access)))
    webui.on_app(told(_served(webui, manager, access)))
    webui.extend(StepCopies(lambda: manager.log_dirs))


def _served(webui: WebUI, manager: RunManager, access: GuardedAccess) -> Callable[[Any], None]:
    def mount_all(app: Any) -> None:
        jobs = kept_preparations(lambda: Preparations(borrow=manager.borrow, watch=webui.watch))
        mount(app, manager, access=access, cards=webui.cards_html, preparations=jobs)
        manager.begin()

    return mount_all


def _tab(webui: WebUI, manager: RunManager, access: GuardedAccess) -> Callable[[], Tab]:
    def make() -> Tab:
        manager.defaults = dict(webui.training_defaults())  # they may have been changed since the page before
        return build_tab(manager, access, pictures=webui.txt2img, lacks=webui.lacks), TITLE, ELEMENT

    return make


def _manager(webui: WebUI) -> RunManager:
    defaults = webui.training_defaults()
    folders = dict.fromkeys([TrainConfig().log_dir, defaults.get("log_dir", TrainConfig().log_dir)])
    return RunManager(
        webui.host,
        webui.gate,
        train=_watched(webui),
        watch=webui.watch,
        check=check_settings,
        log_dirs=[Path(folder) for folder in folders],
        queue_file=Path(TrainConfig().log_dir).resolve() / QUEUE_FILE,
        defaults=defaults,
    )


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
        from ..core.run.train import train

        with webui.watch(emit, control) as told:
            return train(config, host, control=control, emit=told, resume=resume, from_step=from_step)

    return run
