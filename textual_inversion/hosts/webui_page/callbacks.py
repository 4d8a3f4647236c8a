"""Callbacks of the web UI, registered without the search for the caller that its own functions make."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from modules import script_callbacks


def when(event: str, function: Callable[..., Any]) -> None:
    """As ``script_callbacks.on_EVENT``. That reads the source around every caller on the stack to find out whose callback it
    is, 20 ms each time while the web UI starts; a file that is named spares it this."""
    known = script_callbacks.callback_map.get(f"callbacks_{event}")
    if known is None:
        getattr(script_callbacks, f"on_{event}")(function)
    elif "filename" in inspect.signature(script_callbacks.add_callback).parameters:
        script_callbacks.add_callback(known, function, category=event, filename=__file__)
    else:  # web UIs that parted from A1111 before its callbacks had names
        known.append(script_callbacks.ScriptCallback(__file__, function))
