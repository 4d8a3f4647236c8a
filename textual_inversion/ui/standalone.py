"""The app in the browser, on its own server."""

from __future__ import annotations

import os
import socket
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..runs.gate import FifoGate
from ..runs.manager import RunManager
from ..runs.run import Train

if TYPE_CHECKING:
    from ..core.host import Host

LOG_DIR = "outputs/textual_inversion"
_PORTS_TRIED = 20


@contextmanager
def serving(
    host: Host,
    *,
    address: str = "127.0.0.1",
    port: int = 7860,
    open_browser: bool = False,
    log_dir: str = LOG_DIR,
    train: Train | None = None,
) -> Iterator[str]:
    """The app while the block runs; yields its URL. The first free port from ``port`` on is taken.

    At the end every run is interrupted, which saves it.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported, so before the lines below
    from ..runs.http import mount
    from .page import page_options

    manager = RunManager(host, FifoGate(), train=train, log_dirs=[Path(log_dir)])
    page = page_options()
    app = _build(host, manager, log_dir, page)
    web, url, _ = app.launch(
        server_name=address,
        server_port=free_port(address, port),
        prevent_thread_lock=True,
        quiet=True,
        show_error=True,
        **_launch_options(app, page),
    )
    mount(web, manager)
    if open_browser:
        webbrowser.open(url)
    try:
        yield url
    finally:
        manager.close()
        app.close(verbose=False)


def launch(host: Host, *, address: str = "127.0.0.1", port: int = 7860, open_browser: bool = True) -> None:
    """Serve the app until Ctrl-C; runs that go on then are interrupted and saved."""
    with serving(host, address=address, port=port, open_browser=open_browser) as url:
        print(f"The app is at {url}  (Ctrl-C ends it)", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("Ending: saving what is being trained ...", flush=True)


def free_port(address: str, first: int) -> int:
    """The first port from ``first`` on that nobody listens on. Raises InputError where there is none nearby."""
    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        with socket.socket() as attempt, suppress(OSError):
            attempt.bind((address, port))
            return port
    raise InputError(f"No port from {first} to {first + _PORTS_TRIED - 1} is free. Choose another one with --port.")


def _build(host: Host, manager: RunManager, log_dir: str, page: dict[str, Any]) -> Any:
    from ..hosts.standalone.samplers import sampler_names
    from .app import build_app

    size = {"width": host.native_size, "height": host.native_size}
    return build_app(
        manager,
        samplers=sampler_names(),
        train_defaults={**size, "log_dir": log_dir},
        generate_defaults=size,
        notices=getattr(host, "notices", ()),
        page=page,
    )


def _launch_options(app: Any, page: dict[str, Any]) -> dict[str, Any]:
    """What this version of Gradio takes here: no server of node.js, no links to elsewhere, no sharing."""
    from .portable import accepted

    wanted = {**page, "ssr_mode": False, "footer_links": [], "show_api": False, "share": False, "mcp_server": False}
    return accepted(app.launch, wanted)
