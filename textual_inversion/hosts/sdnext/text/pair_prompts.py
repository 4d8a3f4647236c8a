"""The negative halves of pairs in the negative prompt, where their positive halves are in the prompt: if a person wants it.

Added when the web UI has applied its styles and before it makes anything of the prompts, so the parameters of the picture show it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from modules import processing, shared

from ....core.embeddings_folder.pair_files import partners_by_name
from ....core.embeddings_folder.pair_prompts import with_partners
from ...patched import Function, Patched
from ...webui import ADD_PARTNER


class AddPartner:
    """In force from its making until ``remove``, and then only where the setting is on. ``names`` are those that prompts know."""

    def __init__(self, names: Callable[[], Collection[str]]) -> None:
        self._names = names
        self._patch = Patched(processing, "process_init", self._added)

    def remove(self) -> None:
        self._patch.remove()

    def _added(self, first: Function) -> Function:
        def process_init(p: Any) -> None:
            first(p)
            if not shared.opts.data.get(ADD_PARTNER, False):
                return
            if partners := partners_by_name(self._names()):
                both = zip(p.all_prompts, p.all_negative_prompts, strict=False)
                p.all_negative_prompts = [with_partners(prompt, negative, partners) for prompt, negative in both]
                start = p.iteration * p.batch_size
                p.negative_prompts = p.all_negative_prompts[start : start + p.batch_size]

        return process_init
