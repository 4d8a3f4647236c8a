"""The protocol between the captioning of pictures and whoever owns the models for it: a web UI, or files on this computer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PIL import Image


@dataclass(frozen=True, kw_only=True)
class SentenceRules:
    """Limits of sentences, in tokens, and the width of the model's search for them."""

    num_beams: int = 1
    min_length: int = 24
    max_length: int = 48


class Captioner(Protocol):
    """Writes a sentence about each picture."""

    def caption(self, pictures: Sequence[Image.Image]) -> list[str]:
        """One text for each picture (RGB, any size), in their order."""
        ...


class Tagger(Protocol):
    """Says of each picture how sure it is of each tag that it knows."""

    def scores(self, pictures: Sequence[Image.Image]) -> list[dict[str, float]]:
        """For each picture (RGB, any size) its tags, with underscores, and their scores from 0 to 1."""
        ...


class CaptionModels(Protocol):
    """Opens captioning models; inside the block they are in memory. Raises InputError with what to do where one is missing."""

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Settings of the owner for captions, where it has its own: values for fields of ``PrepareSettings``."""
        ...

    def blip(self, rules: SentenceRules) -> AbstractContextManager[Captioner]: ...
    def deepbooru(self) -> AbstractContextManager[Tagger]: ...


@runtime_checkable
class KeepsCaptionFiles(Protocol):
    """A host without captioning models of its own: a folder where their files may lie, and what people have set for captions."""

    @property
    def models_dir(self) -> Path: ...
    @property
    def caption_defaults(self) -> Mapping[str, Any]:
        """As ``CaptionModels.defaults``."""
        ...


@runtime_checkable
class OffersCaptionModels(Protocol):
    """A host that has captioning models of its own."""

    @property
    def caption_models(self) -> CaptionModels: ...
