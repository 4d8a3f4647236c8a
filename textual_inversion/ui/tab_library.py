"""The tab with all embeddings. ``javascript/textual_inversion_library.js`` draws it, over our HTTP routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from .ids import API, LIBRARY, PANEL
from .messages import message


def library_tab(notes: Sequence[str] = ()) -> Any:
    """The place that the script fills, whenever it appears; above it ``notes`` on what cannot be done with embeddings here."""
    for note in notes:
        gr.HTML(value=message(note))
    return gr.HTML(value=f'<div id="{LIBRARY}" class="{LIBRARY} {PANEL}" data-ti-library data-api="{API}"></div>')
