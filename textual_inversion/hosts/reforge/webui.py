"""reForge or Forge Classic beyond its model. Implements ``hosts.webui.WebUI``."""

from __future__ import annotations

from collections.abc import Mapping

from ...core.record.kept_steps import StepCopies
from ..hijacked_text.step_prompts import StepPrompts
from ..webui import Capability
from ..webui_page import cards
from ..webui_page.base import BaseWebUI
from ..webui_page.callbacks import when
from ..webui_page.pair_prompts import AddPartner
from .host import ReforgeHost


class Reforge(BaseWebUI):
    """``name`` is what people call this one."""

    host: ReforgeHost
    lacks: Mapping[Capability, str] = {
        "vae": "A run takes the VAE that the web UI has: choose it in the web UI's settings before.",
    }

    def __init__(self, name: str) -> None:
        super().__init__(ReforgeHost(name))

    def extend(self, copies: StepCopies) -> None:
        steps, partner = StepPrompts(copies), AddPartner(self.host.known_names)
        when("before_ui", lambda: cards.attach(self.host.known_names))
        for undo in (steps.remove, partner.remove, cards.detach):
            when("script_unloaded", undo)

    def cards_html(self, tab: str) -> str | None:
        return cards.cards_html(tab)
