"""Captioning models from a ``models`` folder: for the standalone app, the command line and web UIs that have none of their own.

Implements ``CaptionModels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ...core.base.errors import InputError
from ...core.model.captioning import Captioner, SentenceRules, Tagger
from .blip import GET_IT as GET_BLIP
from .taggers import GET_IT as GET_TAGGER

BLIP, TAGGERS = "BLIP", "torch_deepdanbooru"


class LocalModels:
    """``folder`` is laid out as a web UI's ``models``; with a web UI on the same computer, that one can be given."""

    def __init__(
        self, folder: Path = Path("models"), *, device: str | None = None, defaults: Mapping[str, Any] | None = None
    ) -> None:
        self._folder, self._device = folder, device
        self._defaults = dict(defaults or {})

    @property
    def defaults(self) -> Mapping[str, Any]:
        return self._defaults

    def blip(self, rules: SentenceRules) -> AbstractContextManager[Captioner]:
        from .blip import opened_blip

        place = self._folder / BLIP
        found = [place, *sorted(each for each in place.glob("*") if each.is_dir())]
        folder = next((each for each in found if (each / "config.json").is_file()), None)
        if folder is None:
            raise InputError(
                f"There is no BLIP model in {place.absolute()}. {GET_BLIP} here, or put the files there.",
                field="blip_folder",
            )
        return opened_blip(folder, rules, device=self._device)

    def deepbooru(self) -> AbstractContextManager[Tagger]:
        from .taggers import opened_tagger

        place = self._folder / TAGGERS
        found = sorted(each for each in place.glob("*") if each.suffix.lower() in (".pt", ".onnx"))
        if not found:
            raise InputError(
                f"There is no tagger in {place.absolute()}. {GET_TAGGER}, or put it there.", field="tagger_file"
            )
        return opened_tagger(found[0], device=self._device)
