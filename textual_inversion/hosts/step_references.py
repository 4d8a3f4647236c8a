"""``name@step`` in prompts: the copy of that step in place of the embedding's last one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.base.errors import UserError
from ..core.embedding.embedding import Vectors
from ..core.record.kept_steps import (
    StepCopies,
    StepReference,
    find_references,
    has_step,
    read_copy,
    stand_in,
    with_replaced,
)
from .file_hash import sha256

_HASH_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class ReadPrompts:
    """Prompts with words in place of the references, and what these words are.

    ``vectors`` and ``sources`` (as written, and the file) are by these words; ``missing`` are references that are no more
    than words, ``warnings`` tell why.
    """

    prompts: Sequence[str]
    vectors: Mapping[str, Vectors] = field(default_factory=dict[str, Vectors])
    sources: Mapping[str, tuple[str, Path]] = field(default_factory=dict[str, "tuple[str, Path]"])
    missing: Sequence[str] = ()
    warnings: Sequence[str] = ()

    def hashes(self, words: Collection[str]) -> dict[str, str]:
        """For infotexts: the hash of the file behind each of these words, by the reference as it is written."""
        found = {word: source for word, source in self.sources.items() if word in words}
        return {written: sha256(path)[:_HASH_DIGITS] for written, path in found.values()}


def read_steps(
    prompts: Sequence[str], copies: StepCopies | None, *, names: Collection[str], widths: Mapping[str, int]
) -> ReadPrompts:
    """Look for references to steps of embeddings, of those called ``names`` too; ``widths`` are the model's encoders'."""
    if copies is None or not any(map(has_step, prompts)):
        return ReadPrompts(prompts=prompts)
    known = {*names, *copies.names()}
    taken = {name.lower() for name in names if "@" in name}
    reader = _Reader(copies, widths)
    texts = [
        reader.text(prompt, [each for each in find_references(prompt, known) if each.written.lower() not in taken])
        for prompt in prompts
    ]
    return ReadPrompts(
        prompts=texts,
        vectors=reader.vectors,
        sources=reader.sources,
        missing=reader.missing,
        warnings=tuple(dict.fromkeys(reader.warnings)),
    )


class _Reader:
    def __init__(self, copies: StepCopies, widths: Mapping[str, int]) -> None:
        self._copies, self._widths = copies, widths
        self._words: dict[str, str] = {}
        self.vectors: dict[str, Vectors] = {}
        self.sources: dict[str, tuple[str, Path]] = {}
        self.missing: list[str] = []
        self.warnings: list[str] = []

    def text(self, prompt: str, references: Sequence[StepReference]) -> str:
        found = {reference: word for reference in references if (word := self._word(reference))}
        self.missing += [prompt[each.start : each.end] for each in references if each not in found]
        return with_replaced(prompt, list(found), list(found.values()))

    def _word(self, reference: StepReference) -> str | None:
        """Find the word that stands for it; None, with a warning, where it cannot be followed."""
        if reference.written in self._words:
            return self._words[reference.written]
        path = self._copies.find(reference.name, reference.step)
        try:
            if path is None:
                raise self._copies.missing(reference.name, reference.step)
            vectors = read_copy(path, reference.name).for_encoders(self._widths)
        except UserError as error:
            self.warnings.append(error.message)
            return None
        word = self._words[reference.written] = stand_in(len(self._words))
        self.vectors[word], self.sources[word] = vectors, (reference.written, path)
        return word
