"""SD.Next beyond its model. Implements ``hosts.webui.WebUI``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

from modules import shared
from modules.modeldata import model_data

from ...core.base.control import Control
from ...core.record.events import Emit, Event, Prepared, SheetAdvanced, Stepped
from ...core.record.kept_steps import StepCopies
from ..webui import Capability
from ..webui_page.base import BaseWebUI
from ..webui_page.callbacks import when
from ..webui_page.gate import shown_in_queue
from ..webui_page.login import Login
from .host import SDNextHost
from .login import users

_NOT_READ = ("sampler", "guidance_scale")
"""Widgets of its txt2img tab whose values say little: the place of a sampler in a list, and -1 for what the model likes."""


class SDNext(BaseWebUI):
    """Its page has the parts of A1111's, under the same ids; its flags are called otherwise."""

    lacks: Mapping[Capability, str] = {
        "cards": "SD.Next's own cards show the picture and the description that a run writes. A click puts a name into the box that was "
        "used last, so click into the negative prompt before you choose a negative half; Refresh in Networks shows new ones.",
    }

    flags: Mapping[str, str] = {"enable_insecure_extension_access": "insecure", "cors_allow_origins": "cors_origins"}

    def __init__(self) -> None:
        self._sdnext = SDNextHost()
        super().__init__(self._sdnext, login=Login(users()))

    @property
    def txt2img(self) -> Mapping[str, Any]:
        return {field: widget for field, widget in super().txt2img.items() if field not in _NOT_READ}

    def watch(self, emit: Emit, control: Control) -> AbstractContextManager[Emit]:
        return shown_in_queue(emit, control, show=_show)

    def extend(self, copies: StepCopies) -> None:
        from .text.pair_prompts import AddPartner
        from .text.step_prompts import StepPrompts

        self._sdnext.copies = copies
        steps, partner = StepPrompts(copies), AddPartner(self.known_names)
        for undo in (steps.remove, partner.remove):
            when("script_unloaded", undo)

    def known_names(self) -> Collection[str]:
        """Those that prompts know now."""
        database = getattr(model_data.sd_model, "embedding_db", None)
        return database.word_embeddings if database is not None else ()


def _show(event: Event) -> None:
    """On its progress display, which counts sampling steps."""
    state = shared.state
    if isinstance(event, Prepared):
        state.job, state.textinfo = f"Training {event.name}", f"Training {event.name}"
        state.sampling_step, state.sampling_steps = event.start_step, event.total_steps
    elif isinstance(event, SheetAdvanced):
        state.textinfo = f"Comparing steps of {event.name}: picture {event.done + 1} of {event.total}"
        state.sampling_step, state.sampling_steps = event.done, event.total
    elif isinstance(event, Stepped):
        state.textinfo = f"Training: step {event.step} of {event.total_steps}, loss {event.smooth_loss:.4f}"
        state.sampling_step, state.sampling_steps = event.step, event.total_steps
