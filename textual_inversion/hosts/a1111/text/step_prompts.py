"""``name@step`` in prompts: the copy of that step in place of the embedding's last one.

The web UI splits a prompt (styles, wildcards, AND, prompt editing, the second pass of hires fix) before it turns each part
into tokens, one line at a time. There, in ``tokenize_line``, a reference becomes words that stand for nothing else, and the
text model is shown a database that knows these words. Brackets, weights, BREAK and chunks stay the web UI's own.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modules import processing, sd_hijack, sd_hijack_clip, shared

from ....core.base.errors import UserError
from ....core.record.kept_steps import (
    StepCopies,
    StepReference,
    find_references,
    has_step,
    read_copy,
    stand_in,
    with_replaced,
)
from ...patched import Function, Patched
from .live import LiveDatabase, LiveEmbedding, host_embedding
from .text import encoders_of

_HASHES = "TI hashes"


class StepPrompts:
    """In force from its making until ``remove``."""

    def __init__(self, copies: StepCopies) -> None:
        self._copies = copies
        self._patches = [
            Patched(sd_hijack_clip.TextConditionalModel, "tokenize_line", self._tokenizing),
            Patched(processing.StableDiffusionProcessing, "cached_params", _encoded_once_a_job),
            Patched(processing.StableDiffusionProcessing, "get_conds_with_caching", _noted_for_every_pass),
        ]

    def remove(self) -> None:
        for patch in self._patches:
            patch.remove()

    def _tokenizing(self, first: Function) -> Function:
        def tokenize_line(text_model: Any, line: str, *arguments: Any, **named: Any) -> Any:
            if not has_step(line):
                return first(text_model, line, *arguments, **named)
            replaced, database = self._looked_up(text_model, line)
            hijack = _Other(text_model.hijack, embedding_db=database)
            return first(_Other(text_model, hijack=hijack), replaced, *arguments, **named)

        return tokenize_line

    def _looked_up(self, text_model: Any, line: str) -> tuple[str, LiveDatabase]:
        """The line with words in place of the references that can be followed, and the database that knows these words.

        A reference that cannot is read as words: not as the embedding's last step, and a number behind it.
        """
        found: dict[StepReference, Any] = {}
        missing: list[str] = []
        database = text_model.hijack.embedding_db
        for reference in self._references(database, line):
            try:
                found[reference] = self._embedding(reference)
            except UserError as error:
                missing.append(line[reference.start : reference.end])
                _tell(text_model.hijack, error.message)
        words = [stand_in(number) for number in range(len(found))]
        ids = [list(each) for each in text_model.tokenize([*words, *missing])] if found or missing else []
        entries = [LiveEmbedding(each, embedding) for each, embedding in zip(ids, found.values(), strict=False)]
        return with_replaced(line, list(found), words), LiveDatabase(database, entries, words=ids[len(found) :])

    def _references(self, database: Any, line: str) -> Sequence[StepReference]:
        """Not those that are the name of an embedding themselves: such names can be older than this notation."""
        names = set(database.word_embeddings)
        taken = {name.lower() for name in names if "@" in name}
        references = find_references(line, names | self._copies.names())
        return [each for each in references if line[each.start : each.end].lower() not in taken]

    def _embedding(self, reference: StepReference) -> Any:
        """The web UI's kind of embedding. Raises InputError where that step was not kept, or cannot be read or used."""
        path = self._copies.find(reference.name, reference.step)
        if path is None:
            raise self._copies.missing(reference.name, reference.step)
        widths = {key: encoder.width for key, encoder in encoders_of(shared.sd_model)[1].items()}
        vectors = read_copy(path, reference.name).for_encoders(widths)
        embedding = host_embedding(reference.written, vectors)
        embedding.filename = str(path)
        embedding.set_hash(_sha256(path))
        return embedding


class _Other:
    """An object with some attributes replaced, for one call and unseen by anybody else."""

    def __init__(self, target: Any, **replaced: Any) -> None:
        vars(self).update(replaced, _target=target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target, name, value)


def _encoded_once_a_job(first: Function) -> Function:
    """The web UI keeps the last prompt's conditioning by its text. The file behind a reference may be another one by the next
    job; and what an encoding notes (hash, warnings) is forgotten with its job."""

    def cached_params(p: Any, required_prompts: Sequence[str], *arguments: Any, **named: Any) -> Any:
        params = first(p, required_prompts, *arguments, **named)
        if not any(has_step(prompt) for prompt in required_prompts):
            return params
        return (*params, _Job(sd_hijack.model_hijack.comments))

    return cached_params


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


class _Job:
    """Equal to those of the same job only: each begins with a new list of comments."""

    def __init__(self, comments: list[str]) -> None:
        self._comments = comments

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Job) and other._comments is self._comments

    __hash__ = None  # type: ignore[assignment]


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


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
