"""``name@step`` in A1111's prompts: its text models look in ``model_hijack`` for embeddings, comments and infotext."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modules import processing, sd_hijack, sd_hijack_clip, shared

from ...core.record.kept_steps import StepCopies, StepReference, has_step, read_copy
from ..patched import Function, Patched
from ..webui_page.live import LiveDatabase
from ..webui_page.step_prompts import Other, StepLines, encoded_once_a_job
from .encoders import encoders_of
from .live import host_embedding

_HASHES = "TI hashes"


class StepPrompts:
    """In force from its making until ``remove``."""

    def __init__(self, copies: StepCopies) -> None:
        self._lines = StepLines(copies, _embedding)
        self._patches = [
            Patched(_text_model(), "tokenize_line", self._tokenizing),
            Patched(processing.StableDiffusionProcessing, "cached_params", encoded_once_a_job(_comments)),
            Patched(processing.StableDiffusionProcessing, "get_conds_with_caching", _noted_for_every_pass),
        ]

    def remove(self) -> None:
        for patch in self._patches:
            patch.remove()

    def _tokenizing(self, first: Function) -> Function:
        def tokenize_line(text_model: Any, line: str, *arguments: Any, **named: Any) -> Any:
            if not has_step(line):
                return first(text_model, line, *arguments, **named)
            replaced, database = self._lines.replaced(
                line,
                database=text_model.hijack.embedding_db,
                tokenize=text_model.tokenize,
                tell=lambda sentence: _tell(text_model.hijack, sentence),
            )
            hijack = Other(text_model.hijack, embedding_db=database)
            return first(Other(text_model, hijack=hijack), replaced, *arguments, **named)

        return tokenize_line


def _text_model() -> Any:
    """Find the class whose method turns a line into tokens; it got another name in A1111 1.10."""
    name = (
        "TextConditionalModel"
        if hasattr(sd_hijack_clip, "TextConditionalModel")
        else "FrozenCLIPEmbedderWithCustomWordsBase"
    )
    return getattr(sd_hijack_clip, name)


def _embedding(reference: StepReference, path: Path) -> Any:
    widths = {key: encoder.width for key, encoder in encoders_of(shared.sd_model)[1].items()}
    embedding = host_embedding(reference.written, read_copy(path, reference.name).for_encoders(widths))
    embedding.filename = str(path)
    embedding.set_hash(hashlib.sha256(path.read_bytes()).hexdigest())
    return embedding


def _comments() -> list[str]:
    return sd_hijack.model_hijack.comments


def _noted_for_every_pass(first: Function) -> Function:
    """The web UI takes hashes and comments over before it samples, so without those of hires fix's second prompt."""

    def get_conds_with_caching(
        p: Any, function: Any, required_prompts: Sequence[str], *arguments: Any, **named: Any
    ) -> Any:
        conditioning = first(p, function, required_prompts, *arguments, **named)
        if any(has_step(prompt) for prompt in required_prompts):
            hijack = sd_hijack.model_hijack
            if hashes := hijack.extra_generation_params.get(_HASHES):
                noted = dict.fromkeys(hashes.split(", "))  # an embedding in both passes comes twice
                p.extra_generation_params[_HASHES] = hijack.extra_generation_params[_HASHES] = ", ".join(noted)
            for comment in hijack.comments:
                p.comment(comment)
        return conditioning

    return get_conds_with_caching


def _tell(hijack: Any, sentence: str) -> None:
    """Under the picture and in the console; not while somebody types, nor for each step of a training."""
    if sentence in hijack.comments or isinstance(hijack.embedding_db, LiveDatabase) or _is_counting():
        return
    hijack.comments.append(sentence)
    print(f"Textual Inversion: {sentence}")


def _is_counting() -> bool:
    """Tell whether it is the token counter beside the prompt box that asks."""
    counter = sd_hijack.StableDiffusionModelHijack.get_prompt_lengths.__code__
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code is counter:
            return True
        frame = frame.f_back
    return False
