"""The fields of a pair (APT), which are shown only while it is switched on."""

from __future__ import annotations

from collections.abc import Iterable

import gradio as gr

from ..core.settings.pair import ADVICE
from .fields import Form
from .ids import element_id
from .portable import unlisted

SWITCH = "apt"


def draw_pair_fields(form: Form, *, tab: str, names: Iterable[str]) -> None:
    """The switch, and below it the other fields called ``names``, with the advice for pairs."""
    switch = form.widget(SWITCH)
    with gr.Column(visible=bool(switch.value), elem_id=element_id(tab, "pair")) as others:
        gr.Markdown(ADVICE, elem_classes=["ti-pair-advice"])
        form.show(names)
    switch.change(lambda on: gr.update(visible=bool(on)), inputs=[switch], outputs=[others], **unlisted())


def pair_names(form: Form) -> list[str]:
    """The fields of the switch's group without the switch."""
    group = form.options[SWITCH].group
    return [name for name, option in form.options.items() if option.group == group and name != SWITCH]
