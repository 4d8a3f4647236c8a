"""An HTTP server in a thread, for the standalone app."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from ..core.base.errors import InputError

_PORTS_TRIED = 20
_PORTS = 65536


@contextmanager
def served(app: Any, *, address: str, port: int) -> Iterator[str]:
    """``app`` (ASGI) on the first free port from ``port`` on while the block runs; yields the URL."""
    listener = _listen(address, port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server", daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        if not server.started:
            raise RuntimeError("The server ended while it was starting; what it said stands above.")
        yield f"http://{_reachable(address)}:{listener.getsockname()[1]}/"
    finally:
        # Pages keep connections open. Nobody waits for those, and uvicorn need not log each that it cuts.
        logging.getLogger("uvicorn.error").disabled = True
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()
        logging.getLogger("uvicorn.error").disabled = False


def _listen(address: str, first: int) -> socket.socket:
    """A bound socket. Raises InputError where no port from ``first`` on is free, or ``first`` is none."""
    if not 0 <= first < _PORTS:
        raise InputError(f"{first} is no port; choose one from 0 (any) to {_PORTS - 1}.", field="port")
    for port in range(first, min(first + _PORTS_TRIED, _PORTS)):
        listener = socket.socket()
        if os.name != "nt":  # there it would allow a second listener; here it only shortens the wait after a restart
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            listener.bind((address, port))
            return listener
        listener.close()
    raise InputError(
        f"No port from {first} to {first + _PORTS_TRIED - 1} is free at {address}. Choose another one.", field="port"
    )


def _reachable(address: str) -> str:
    """Address that a browser on this machine has to ask for."""
    return "127.0.0.1" if address in ("", "0.0.0.0") else address
