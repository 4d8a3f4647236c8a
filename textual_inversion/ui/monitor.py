"""The place where ``javascript/textual_inversion_monitor.js`` draws the run. It fills every such place it finds, whenever it appears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from .ids import API, CARDS, MONITOR, PANEL
from .portable import bare


@dataclass(frozen=True, kw_only=True)
class PromptPlace:
    """Prompt boxes by their element ids, the tab they are in, and its name for a person."""

    tab: str
    title: str
    prompt: str
    negative: str


def monitor(prompts: PromptPlace) -> Any:
    """Progress, curves and previews of the runs; what was trained can be put into ``prompts``."""
    where = _attributes(tab=prompts.tab, title=prompts.title, target=prompts.prompt, negative=prompts.negative)
    value = f'<div id="{MONITOR}" class="{MONITOR} {PANEL}" data-ti-monitor data-api="{API}"{where}></div>'
    return gr.HTML(value=value, **bare())


def cards(*, inserts_into: str, negatives_into: str) -> Any:
    """The embeddings as buttons; a click puts a name into the text box with the id ``inserts_into``, and what is for the
    negative prompt, of a pair the other half, into ``negatives_into``."""
    where = _attributes(target=inserts_into, negative=negatives_into)
    return gr.HTML(
        value=f'<div id="{CARDS}" class="{CARDS} {PANEL}" data-ti-cards data-api="{API}"{where}></div>', **bare()
    )


def _attributes(**values: str) -> str:
    return "".join(f' data-{name}="{value}"' for name, value in values.items())
