"""AUTOMATIC1111's web UI beyond its model. Implements ``hosts.webui.WebUI``."""

from __future__ import annotations

from collections.abc import Collection

from modules import sd_hijack

from ...core.record.kept_steps import StepCopies
from ..hijacked_text.step_prompts import StepPrompts
from ..webui_page import cards
from ..webui_page.base import BaseWebUI
from ..webui_page.callbacks import when
from ..webui_page.pair_prompts import AddPartner
from .host import A1111Host


class A1111(BaseWebUI):
    """Its prompts and its cards know what is in ``model_hijack.embedding_db``."""

    def __init__(self) -> None:
        super().__init__(A1111Host())

    def extend(self, copies: StepCopies) -> None:
        steps, partner = StepPrompts(copies), AddPartner(self.known_names)
        when("before_ui", lambda: cards.attach(self.known_names))
        for undo in (steps.remove, partner.remove, cards.detach):
            when("script_unloaded", undo)

    def cards_html(self, tab: str) -> str | None:
        return cards.cards_html(tab)

    def known_names(self) -> Collection[str]:
        """Those that prompts know now."""
        return sd_hijack.model_hijack.embedding_db.word_embeddings
