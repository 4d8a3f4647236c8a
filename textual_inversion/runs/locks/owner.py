"""Identify the process that something belongs to, and tell whether that very process is still there."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Mapping
from typing import Any

import psutil

_CLOCK_SLACK_SECONDS = 60.0
"""A process's start is told relative to the wall clock, which may be set while it runs."""

Owner = Mapping[str, Any]
"""``pid``, ``host``, ``started`` and a ``token`` of whoever wrote it within the process; fit for JSON."""


def this_process() -> dict[str, Any]:
    """An owner record of this process, with a token of its own."""
    pid = os.getpid()
    return {"pid": pid, "host": platform.node(), "started": _started(pid), "token": secrets.token_hex(8)}


def is_alive(owner: Owner) -> bool:
    """Nothing can be said about other computers: their processes count as alive."""
    if owner.get("host") != platform.node():
        return True
    return _is_running(owner.get("pid"), owner.get("started"))


def _started(pid: int) -> float:
    return float(psutil.Process(pid).create_time())


def _is_running(pid: Any, started: Any) -> bool:
    """Tell whether the very process is there that wrote this: the number alone may have been given to another one since."""
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0 or not isinstance(started, (int, float)):
        return False
    try:
        return abs(_started(pid) - started) < _CLOCK_SLACK_SECONDS
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
