"""The captioning models of a job: opened when the first picture needs them, closed with the job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from PIL import Image

from ...core.base.pasted_path import pasted_path
from ...core.model.captioning import CaptionModels, SentenceRules
from ..settings.captions import CaptionSettings
from .tags import TagRules, tag_text

Write = Callable[[Sequence[Image.Image]], list[str]]


class CaptionWriters:
    """``stack`` closes what is opened. ``notes`` tell what a person should know afterwards."""

    def __init__(self, settings: CaptionSettings, models: CaptionModels, stack: ExitStack) -> None:
        self._settings, self._models, self._stack = settings, models, stack
        self._opened: list[Write] | None = None
        self.notes: list[str] = []

    def write(self, pictures: Sequence[Image.Image]) -> list[tuple[str, ...]]:
        """For each picture (RGB) a text from every model, in the order of the settings; at most a batch at a time."""
        if not pictures or not self._settings.caption:
            return [()] * len(pictures)
        if self._opened is None:
            self._opened = [self._open(name) for name in dict.fromkeys(self._settings.caption)]
        size = self._settings.caption_batch
        written: list[tuple[str, ...]] = []
        for first in range(0, len(pictures), size):
            batch = pictures[first : first + size]
            written += zip(*(write(batch) for write in self._opened), strict=True)
        return written

    def _open(self, name: str) -> Write:
        settings = self._settings
        if name == "blip":
            return self._blip().caption
        tagger = self._stack.enter_context(self._tagger())
        rules = TagRules(
            threshold=settings.threshold,
            alphabetical=settings.sort_tags,
            spaces=settings.use_spaces,
            escape=settings.escape,
            without=settings.filter_tags,
            most=settings.max_tags,
        )
        return lambda pictures: [tag_text(scores, rules) for scores in tagger.scores(pictures)]

    def _blip(self):
        settings = self._settings
        rules = SentenceRules(
            num_beams=settings.num_beams, min_length=settings.min_length, max_length=settings.max_length
        )
        if settings.blip_folder.strip():
            from .blip import opened_blip

            return self._stack.enter_context(opened_blip(pasted_path(settings.blip_folder), rules))
        return self._stack.enter_context(self._models.blip(rules))

    def _tagger(self):
        if self._settings.tagger_file.strip():
            from .taggers import opened_tagger

            return opened_tagger(pasted_path(self._settings.tagger_file))
        return self._models.deepbooru()
