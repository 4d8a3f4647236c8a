"""The tab with all embeddings. ``javascript/textual_inversion_library.js`` draws it, over our HTTP routes."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .ids import API, LIBRARY


def library_tab() -> Any:
    """The place that the script fills, whenever it appears."""
    return gr.HTML(value=f'<div id="{LIBRARY}" class="{LIBRARY}" data-ti-library data-api="{API}"></div>')
