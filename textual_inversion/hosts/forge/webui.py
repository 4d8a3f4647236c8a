"""Forge or Forge Neo beyond its model. Implements ``hosts.webui.WebUI``."""

from __future__ import annotations

from ...core.record.kept_steps import StepCopies
from ..webui_page import cards
from ..webui_page.base import BaseWebUI
from ..webui_page.callbacks import when
from ..webui_page.pair_prompts import AddPartner
from .host import ForgeHost
from .text.step_prompts import StepPrompts


class Forge(BaseWebUI):
    """``name`` is what people call this one."""

    host: ForgeHost

    def __init__(self, name: str) -> None:
        super().__init__(ForgeHost(name))

    def extend(self, copies: StepCopies) -> None:
        steps, partner = StepPrompts(copies), AddPartner(self.host.known_names)
        when("model_loaded", steps.watch)
        when("before_ui", lambda: cards.attach(self.host.known_names))
        for undo in (steps.remove, partner.remove, cards.detach):
            when("script_unloaded", undo)

    def cards_html(self, tab: str) -> str | None:
        return cards.cards_html(tab)
