"""The place where ``javascript/textual_inversion_monitor.js`` draws the run. It fills every such place it finds, whenever it appears."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .ids import API, CARDS, MONITOR, PANEL


def monitor() -> Any:
    """Progress, curves and previews of the runs."""
    return gr.HTML(value=f'<div id="{MONITOR}" class="{MONITOR} {PANEL}" data-ti-monitor data-api="{API}"></div>')


def cards(*, inserts_into: str, negatives_into: str) -> Any:
    """The embeddings as buttons; a click puts a name into the text box with the id ``inserts_into``, and what is for the
    negative prompt, of a pair the other half, into ``negatives_into``."""
    return gr.HTML(
        value=f'<div id="{CARDS}" class="{CARDS} {PANEL}" data-ti-cards data-api="{API}" data-target="{inserts_into}" '
        f'data-negative="{negatives_into}"></div>'
    )
