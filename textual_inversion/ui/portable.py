"""The few places where the versions of Gradio differ, 3.41 to 6."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import gradio as gr

from .ids import ANSWER


def accepted(function: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``options`` that this version's ``function`` has as named parameters."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in known}


def unlisted() -> dict[str, Any]:
    """For events: keep them out of Gradio's own API page; scripts have our HTTP routes."""
    event = getattr(gr.Button, "click", None)
    if event is not None and "api_visibility" in inspect.signature(event).parameters:
        return {"api_visibility": "private"}
    return {"api_name": False}


def bare() -> dict[str, Any]:
    """For ``gr.HTML``: without the space that newer versions put around it."""
    return accepted(gr.HTML.__init__, {"padding": False})


def answer_place() -> Any:
    """The place of a form's messages, which takes no room while there is none."""
    return gr.HTML(elem_classes=[ANSWER], **bare())
