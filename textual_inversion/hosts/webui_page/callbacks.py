"""Callbacks of the web UI, registered without the search for the caller that its own functions make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import script_callbacks


def when(event: str, function: Callable[..., Any]) -> None:
    """As ``script_callbacks.on_EVENT``. That reads the source around every caller on the stack to find out whose callback it
    is, 20 ms each time while the web UI starts; a file that is named spares it this."""
    known = script_callbacks.callback_map.get(f"callbacks_{event}")
    if known is None:
        getattr(script_callbacks, f"on_{event}")(function)
    else:
        script_callbacks.add_callback(known, function, category=event, filename=__file__)
