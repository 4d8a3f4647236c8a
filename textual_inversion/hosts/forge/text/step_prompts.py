"""``name@step`` in Forge's prompts: each text engine of the loaded model turns lines into tokens by itself.

Their class comes with the first engine that is loaded and differs between versions, so it is patched when one is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modules import processing, sd_models

from ....core.record.kept_steps import StepCopies, StepReference, has_step, read_copy
from ...patched import Function, Patched
from ...webui_page.live import LiveDatabase
from ...webui_page.step_prompts import Other, StepLines, encoded_once_a_job
from .encoders import encoders_of, text_engines
from .live import host_embedding

_COUNTER = "get_prompt_lengths_on_ui"


class StepPrompts:
    """In force from its making until ``remove``; for engines that are loaded later, once ``watch`` was told of them."""

    def __init__(self, copies: StepCopies) -> None:
        self._lines = StepLines(copies, _embedding)
        self._classes: set[type] = set()
        self._patches = [
            Patched(processing.StableDiffusionProcessing, "cached_params", encoded_once_a_job(_comments)),
            Patched(processing.StableDiffusionProcessing, "get_conds_with_caching", _noted_for_every_pass),
        ]
        self.watch(sd_models.model_data.sd_model)

    def watch(self, engine: Any) -> None:
        """An engine was loaded."""
        for text in text_engines(engine) if engine is not None else ():
            kind = type(text)
            if "tokenize_line" in vars(kind) and hasattr(text, "embeddings") and kind not in self._classes:
                self._classes.add(kind)
                self._patches.append(Patched(kind, "tokenize_line", self._tokenizing))

    def remove(self) -> None:
        for patch in self._patches:
            patch.remove()

    def _tokenizing(self, first: Function) -> Function:
        def tokenize_line(text: Any, line: str, *arguments: Any, **named: Any) -> Any:
            if not has_step(line):
                return first(text, line, *arguments, **named)
            replaced, database = self._lines.replaced(
                line,
                database=text.embeddings,
                tokenize=text.tokenize,
                tell=lambda sentence: _tell(text.embeddings, sentence),
            )
            return first(Other(text, embeddings=database), replaced, *arguments, **named)

        return tokenize_line


def _embedding(reference: StepReference, path: Path) -> Any:
    widths = {key: encoder.width for key, encoder in encoders_of(sd_models.model_data.sd_model)[1].items()}
    return host_embedding(reference.written, read_copy(path, reference.name).for_encoders(widths))


def _comments() -> list[str]:
    return sd_models.model_data.sd_model.comments


def _noted_for_every_pass(first: Function) -> Function:
    """The web UI takes comments over before it samples, so without those of hires fix's second prompt."""

    def get_conds_with_caching(
        p: Any, function: Any, required_prompts: Sequence[str], *arguments: Any, **named: Any
    ) -> Any:
        conditioning = first(p, function, required_prompts, *arguments, **named)
        if any(map(has_step, required_prompts)):
            for comment in _comments():
                p.comment(comment)
        return conditioning

    return get_conds_with_caching


def _tell(database: Any, sentence: str) -> None:
    """Under the picture and in the console; not while somebody types, nor for each step of a training."""
    comments = _comments()
    if sentence in comments or isinstance(database, LiveDatabase) or _is_counting():
        return
    comments.append(sentence)
    print(f"Textual Inversion: {sentence}")


def _is_counting() -> bool:
    """Tell whether it is the token counter beside the prompt box that asks."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == _COUNTER:
            return True
        frame = frame.f_back
    return False
