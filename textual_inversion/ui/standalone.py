"""The app in the browser, on its own server."""

from __future__ import annotations

import os
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.record.kept_steps import StepCopies
from ..runs.gate import FifoGate
from ..runs.manager import QUEUE_FILE, RunManager, check_settings
from ..runs.run import Train

if TYPE_CHECKING:
    from ..core.model.host import Host

LOG_DIR = "outputs/textual_inversion"


def launch(host: Host, *, address: str = "127.0.0.1", port: int = 7860, open_browser: bool = True) -> None:
    """Serve the app until Ctrl-C; runs that go on then are interrupted and saved.

    Raises InputError where no port is free, and what the host raises when its checkpoint cannot be loaded.
    """
    with serving(host, address=address, port=port) as url:
        print(f"The app is at {url}  (Ctrl-C ends it)", flush=True)
        if open_browser:
            webbrowser.open(url)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("Ending; what is being trained is saved ...", flush=True)


@contextmanager
def serving(
    host: Host,
    *,
    address: str = "127.0.0.1",
    port: int = 7860,
    log_dir: str = LOG_DIR,
    train: Train | None = None,
) -> Iterator[str]:
    """The app while the block runs; yields its URL. The first free port from ``port`` on is taken."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported, so before the next lines
    from ..hosts.standalone.host import StandaloneHost
    from .server import served

    defaults = {"width": host.native_size, "height": host.native_size, "log_dir": log_dir}
    folder = Path(log_dir)
    manager = RunManager(
        host,
        FifoGate(),
        train=train,
        check=check_settings,
        log_dirs=[folder],
        queue_file=folder / QUEUE_FILE,
        defaults=defaults,
    )
    if isinstance(host, StandaloneHost):
        host.copies = StepCopies(lambda: manager.log_dirs)
    try:
        with served(_web_app(host, manager), address=address, port=port) as url:
            manager.begin()
            yield url
    finally:
        manager.close()


def _web_app(host: Host, manager: RunManager) -> Any:
    """Our routes and the page in one app, guarded as a whole: the tabs' buttons use routes of Gradio's own.

    Not ``Blocks.launch``: it gives up where a proxy or a busy machine keeps it from calling itself.
    """
    import gradio as gr
    from fastapi import FastAPI

    from ..web.access import Access
    from ..web.app import mount
    from ..web.guard import OriginGuard
    from .page import page_options
    from .portable import accepted

    page = page_options()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    wanted = {**page, "ssr_mode": False, "footer_links": [], "run_history": False, "mcp_server": False}
    options = accepted(gr.mount_gradio_app, {**wanted, "show_error": True})
    blocks = _blocks(host, manager, page)
    app = gr.mount_gradio_app(app, blocks, path="/", **options)
    access = Access()
    mount(app, manager, access=access)
    return OriginGuard(app, access)


def _blocks(host: Host, manager: RunManager, page: dict[str, Any]) -> Any:
    from ..hosts.standalone.host import DEMO_CHECKPOINT
    from ..hosts.standalone.sampling.samplers import sampler_names
    from .app import build_app
    from .page import complete

    blocks = build_app(
        manager,
        samplers=sampler_names(),
        generate_defaults={"width": host.native_size, "height": host.native_size},
        notices=getattr(host, "notices", ()),
        page=page,
        demo=getattr(host, "checkpoint", None) == DEMO_CHECKPOINT,
    )
    complete(blocks)
    return blocks
