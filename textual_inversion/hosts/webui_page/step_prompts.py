"""``name@step`` in prompts: the copy of that step in place of the embedding's last one.

A web UI splits a prompt (styles, wildcards, AND, prompt editing, the second pass of hires fix) before it turns each part
into tokens, one line at a time. There, in ``tokenize_line``, a reference becomes words that stand for nothing else, and the
text model is shown a database that knows these words. Brackets, weights, BREAK and chunks stay the web UI's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...core.base.errors import UserError
from ...core.record.kept_steps import StepCopies, StepReference, find_references, has_step, stand_in, with_replaced
from ..patched import Function
from .live import LiveDatabase, LiveEmbedding


class StepLines:
    """``make`` gives the web UI's kind of embedding for a reference and its file; it raises UserError for one of no use."""

    def __init__(self, copies: StepCopies, make: Callable[[StepReference, Path], Any]) -> None:
        self._copies, self._make = copies, make

    def replaced(
        self,
        line: str,
        *,
        database: Any,
        tokenize: Callable[[list[str]], Sequence[Sequence[int]]],
        tell: Callable[[str], None],
    ) -> tuple[str, LiveDatabase]:
        """The line with words in place of the references that can be followed, and the database that knows these words.

        A reference that cannot is read as words: not as the embedding's last step, and a number behind it.
        """
        found: dict[StepReference, Any] = {}
        missing: list[str] = []
        for reference in self._references(database, line):
            try:
                found[reference] = self._embedding(reference)
            except UserError as error:
                missing.append(line[reference.start : reference.end])
                tell(error.message)
        words = [stand_in(number) for number in range(len(found))]
        ids = [list(each) for each in tokenize([*words, *missing])] if found or missing else []
        entries = [LiveEmbedding(each, embedding) for each, embedding in zip(ids, found.values(), strict=False)]
        return with_replaced(line, list(found), words), LiveDatabase(database, entries, words=ids[len(found) :])

    def _references(self, database: Any, line: str) -> Sequence[StepReference]:
        """Not those that are the name of an embedding themselves: such names can be older than this notation."""
        names = set(database.word_embeddings)
        taken = {name.lower() for name in names if "@" in name}
        references = find_references(line, names | self._copies.names())
        return [each for each in references if line[each.start : each.end].lower() not in taken]

    def _embedding(self, reference: StepReference) -> Any:
        """Raises InputError where that step was not kept, or cannot be read or used."""
        path = self._copies.find(reference.name, reference.step)
        if path is None:
            raise self._copies.missing(reference.name, reference.step)
        return self._make(reference, path)


class Other:
    """An object with some attributes replaced, for one call and unseen by anybody else."""

    def __init__(self, target: Any, **replaced: Any) -> None:
        vars(self).update(replaced, _target=target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target, name, value)


def encoded_once_a_job(comments: Callable[[], list[str]]) -> Callable[[Function], Function]:
    """The web UI keeps the last prompt's conditioning by its text. The file behind a reference may be another one by the next
    job; and what an encoding notes (hash, warnings) is forgotten with its job, which begins with a new list of ``comments``."""

    def around(first: Function) -> Function:
        def cached_params(p: Any, required_prompts: Sequence[str], *arguments: Any, **named: Any) -> Any:
            params = first(p, required_prompts, *arguments, **named)
            return (*params, _Job(comments())) if any(map(has_step, required_prompts)) else params

        return cached_params

    return around


class _Job:
    """Equal to those of the same job only."""

    def __init__(self, comments: list[str]) -> None:
        self._comments = comments

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Job) and other._comments is self._comments

    __hash__ = None  # type: ignore[assignment]
