"""The tab in which pictures are prepared. The page draws it (``javascript/textual_inversion_prepare*.js``) from what the HTTP
routes say of the settings: fifty widgets would be the greater part of the time that a web UI takes to start."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .ids import API, PANEL, PREPARE


def prepare_tab() -> Any:
    """The place where it is drawn."""
    return gr.HTML(value=f'<div id="{PREPARE}" class="{PREPARE} {PANEL}" data-ti-prepare data-api="{API}"></div>')
