"""Saved steps in prompts: ``NAME@STEP`` stands for the copy of that step from the newest run that kept it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError
from ..embedding.embedding import Embedding
from ..embedding.pair import negative_name
from ..formats import read_embedding, read_partner
from .run_folder import RunDirectory, open_run_directory, run_folders

_AT_STEP = re.compile(r"@([0-9]{1,9})(?![\w@]|\.[0-9])")
_SHOWN = 8
"""As many steps as a warning lists."""


@dataclass(frozen=True, kw_only=True)
class StepReference:
    """A ``NAME@STEP`` at ``text[start:end]``. ``name`` is written as known, whatever the text has."""

    name: str
    step: int
    start: int
    end: int

    @property
    def written(self) -> str:
        return f"{self.name}@{self.step}"


def has_step(text: str) -> bool:
    """Tell whether a look for references is worth its while."""
    return "@" in text and _AT_STEP.search(text) is not None


def find_references(text: str, names: Collection[str]) -> list[StepReference]:
    """The references in a prompt, in their order, to embeddings called one of ``names``.

    Large and small letters are the same, as in prompts; of names that end alike the longest is meant; a name does not begin
    in the middle of a word. What is written before other ``@`` is words.
    """
    found = ((match, _name_before(text, match.start(), names)) for match in _AT_STEP.finditer(text))
    return [
        StepReference(name=name, step=int(match[1]), start=match.start() - len(name), end=match.end())
        for match, name in found
        if name is not None
    ]


def _name_before(text: str, end: int, names: Collection[str]) -> str | None:
    fitting = [name for name in names if name and _ends_in(text, end, name)]
    return max(fitting, key=lambda name: (len(name), text[end - len(name) : end] == name), default=None)


def _ends_in(text: str, end: int, name: str) -> bool:
    start = end - len(name)
    if start < 0 or text[start:end].lower() != name.lower():
        return False
    return start == 0 or not (text[start - 1].isalnum() and name[0].isalnum())


def stand_in(number: int) -> str:
    """A word for the text encoder that stands for a reference: many tokens, in an order that nobody writes."""
    return f"qzxqstep{number}qzxq"


def with_replaced(text: str, references: Sequence[StepReference], words: Sequence[str]) -> str:
    """``text`` with each reference (in their order) taken for one of ``words``, set apart by spaces."""
    parts: list[str] = []
    position = 0
    for reference, word in zip(references, words, strict=True):
        parts += [text[position : reference.start], f" {word} "]
        position = reference.end
    return "".join([*parts, text[position:]])


def read_copy(path: Path, name: str) -> Embedding:
    """The embedding ``name`` of a file that ``StepCopies.find`` gave: of a picture that carries a pair, the half that is meant.

    Raises as ``read_embedding``, and InputError where a picture carries no negative half.
    """
    if path.suffix != ".png" or path.stem.lower().startswith(f"{name.lower()}-"):
        return read_embedding(path)
    found = read_partner(path)
    if found is None:
        raise InputError(f"{path.name} carries no {name}, so it was read as words.")
    return found


class StepCopies:
    """Looks for kept steps in log directories, each time anew; only what cannot change is remembered."""

    def __init__(self, log_dirs: Callable[[], Iterable[Path]]) -> None:
        self._log_dirs = log_dirs
        self._names: dict[Path, tuple[int, str | None]] = {}

    def names(self) -> set[str]:
        """The embeddings that were trained there, and the negative halves that they may have."""
        trained = {run.name for _, run in self._runs()}
        return trained | {negative_name(name) for name in trained}

    def steps(self, name: str) -> list[int]:
        """The steps that any run of ``name`` kept, rising."""
        return sorted({step for kept in self._kept(name) for step in kept})

    def find(self, name: str, step: int) -> Path | None:
        """The file of that step, from the newest run that has it; large and small letters of the name are the same."""
        return next((kept[step] for kept in self._kept(name) if step in kept), None)

    def missing(self, name: str, step: int) -> InputError:
        """The error that tells of a step that was not kept."""
        kept = self.steps(name)
        listed = [str(each) for each in sorted(kept, key=lambda each: abs(each - step))[:_SHOWN]]
        choice = ", ".join(sorted(listed, key=int)) + (", …" if len(kept) > _SHOWN else "")
        advice = (
            f"There are {choice}."
            if kept
            else "No run of it kept any; set 'Save a copy of embedding … every N steps' above 0."
        )
        return InputError(f"{name}@{step}: no copy of step {step} was found, so it was read as words. {advice}")

    def _kept(self, name: str) -> list[Mapping[int, Path]]:
        """The steps that each run kept, newest run first; of a name in other letters behind those of the very name."""
        found: list[tuple[bool, float, Mapping[int, Path]]] = []
        for written, run in self._runs():
            if run.name.lower() == name.lower():
                found.append((run.name == name, written, run.kept()))
            elif negative_name(run.name).lower() == name.lower():
                kept = dict(sorted({**run.carriers(), **run.negative_copies()}.items()))
                found.append((negative_name(run.name) == name, written, kept))
        return [kept for _, _, kept in sorted(found, key=lambda entry: entry[:2], reverse=True)]

    def _runs(self) -> Iterable[tuple[float, RunDirectory]]:
        """Every run with the time of its last save."""
        for folder in {folder.resolve() for log_dir in self._log_dirs() for folder in run_folders(log_dir)}:
            plan = RunDirectory(folder, "").plan
            try:
                state = plan.stat()
                name = self._name(plan, state.st_mtime_ns)
            except OSError:
                continue
            if name is not None:
                run = RunDirectory(folder, name)
                yield max(state.st_mtime, _time(run.state)), run

    def _name(self, plan: Path, written: int) -> str | None:
        """Read the name of a run's embedding once; None where its folder cannot be read as a run."""
        known = self._names.get(plan)
        if known is None or known[0] != written:
            try:
                name = open_run_directory(plan.parent)[0].name
            except InputError:
                name = None
            known = self._names[plan] = (written, name)
        return known[1]


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
