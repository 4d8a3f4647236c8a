"""The negative halves of pairs in the negative prompt, where their positive halves are in the prompt: if a person wants it.

Added when the web UI has applied its styles and before it makes anything of the prompts, so the parameters of the picture show it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from modules import processing, shared

from ...core.embeddings_folder.pair_files import partners_by_name
from ...core.embeddings_folder.pair_prompts import with_partners
from ..patched import Function, Patched
from ..webui import ADD_PARTNER


class AddPartner:
    """In force from its making until ``remove``, and then only where the setting is on. ``names`` are those that prompts know."""

    def __init__(self, names: Callable[[], Collection[str]]) -> None:
        self._names = names
        first_pass, both = processing.StableDiffusionProcessing, processing.StableDiffusionProcessingTxt2Img
        self._patches = [
            Patched(first_pass, "setup_prompts", self._added),
            Patched(both, "setup_prompts", self._added_to_second),
        ]

    def remove(self) -> None:
        for patch in self._patches:
            patch.remove()

    def _added(self, first: Function) -> Function:
        def setup_prompts(p: Any) -> None:
            first(p)
            if partners := self._partners():
                p.all_negative_prompts = _extended(p.all_prompts, p.all_negative_prompts, partners)
                p.main_negative_prompt = p.all_negative_prompts[0]

        return setup_prompts

    def _added_to_second(self, first: Function) -> Function:
        """Hires fix has prompts of its own, which are the first ones where nothing was typed."""

        def setup_prompts(p: Any) -> None:
            first(p)
            if p.enable_hr and (partners := self._partners()):
                p.all_hr_negative_prompts = _extended(p.all_hr_prompts, p.all_hr_negative_prompts, partners)

        return setup_prompts

    def _partners(self) -> dict[str, str]:
        """Empty where the setting is off."""
        return partners_by_name(self._names()) if shared.opts.data.get(ADD_PARTNER, False) else {}


def _extended(prompts: list[str], negatives: list[str], partners: Mapping[str, str]) -> list[str]:
    return [with_partners(prompt, negative, partners) for prompt, negative in zip(prompts, negatives, strict=False)]
