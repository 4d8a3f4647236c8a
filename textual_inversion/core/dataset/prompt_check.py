"""The prompts of a run before its first step: parsed as training will parse them, with the files that they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..base.errors import InputError
from ..base.sentences import listed
from ..embedding.mentions import is_part_of, mentions
from ..embedding.names import mention_of
from .emphasis import Brackets, brackets_in, may_fail
from .finding import Finding
from .items import DatasetItem
from .prompt_syntax import foreign_syntax, misspelt_placeholders
from .templates import FILEWORDS, NAME, Template, render

_USUAL_WEIGHTS = (0.3, 2.0)
_ROUNDING = 1e-6

ADVICE_ONLY = frozenset({"brackets"})
"""Kinds of findings that are for checks: a run that starts has no need to tell them."""


@dataclass(frozen=True, kw_only=True)
class PromptCheck:
    """``names`` are what the embedding is called (a pair's negative half by both of its names), none where that is not known.

    ``torn``: tags are shuffled or dropped, so that brackets around several of them come apart. ``others`` are the names
    that prompts know besides.
    """

    template: Template
    items: Sequence[DatasetItem]
    names: Sequence[str] = ()
    torn: bool = False
    others: Sequence[str] = ()

    def problems(self) -> list[InputError]:
        """Everything for which training would break off in the middle, or would teach nothing."""
        lines = [InputError(f"{self.template.path}: {reason}", field="template") for reason in self._broken_lines()]
        captions = [InputError(f"{path}: {reason}", field="data") for path, reason in self._broken_captions()]
        return lines + captions or [*self._hidden_names(), *self._nothing_to_learn()]

    def findings(self) -> list[Finding]:
        """Find what is allowed and seldom meant."""
        checks = (self._captions_without_name, self._bracket_findings, self._torn_findings, self._foreign_findings)
        return [finding for check in checks for finding in check()]

    @cached_property
    def _captions(self) -> dict[str, tuple[Path, ...]]:
        """The files of each caption; none where no prompt shows captions."""
        files: dict[str, dict[Path, None]] = {}
        for item in self.items if self.template.uses_captions else ():
            if item.caption:
                files.setdefault(item.caption, {})[item.caption_file or item.path] = None
        return {caption: tuple(paths) for caption, paths in files.items()}

    @cached_property
    def _brackets(self) -> dict[str, Brackets | str]:
        """The brackets of each caption that has some, or the reason why training could not read it."""
        return {caption: _looked_at(caption) for caption in self._captions if any(each in caption for each in "()[]")}

    def _broken_lines(self) -> Iterator[str]:
        for line in self.template.lines:
            captions = ["", *(self._captions if FILEWORDS in line and may_fail(line) else ())]
            texts = (render(line, name="", filewords=caption) for caption in captions)
            reasons = (seen for text in texts if isinstance(seen := _looked_at(text), str))
            if (reason := next(reasons, None)) is not None:
                yield reason

    def _broken_captions(self) -> Iterator[tuple[Path, str]]:
        open_lines = [line for line in self.template.lines if FILEWORDS in line and _is_open(line)]
        for caption, paths in self._captions.items():
            reason = self._brackets.get(caption)
            if not isinstance(reason, str) and may_fail(caption):
                texts = [render(line, name="", filewords=caption) for line in open_lines]
                texts += [f"({caption}"] if self.torn else []
                reason = next((seen for text in texts if isinstance(seen := _looked_at(text), str)), None)
            if isinstance(reason, str):
                yield from ((path, reason) for path in paths)

    def _holds_name(self, text: str) -> bool:
        if NAME in text:
            return True
        return any(mentions(_without(text, name, self.others), name) for name in self.names)

    def _hidden_names(self) -> Iterator[InputError]:
        """Prompts that name the embedding where another one, of a longer name, is taken in its place."""
        for name in self.names:
            for line in self._nameless_lines:
                if mention_of(name).search(line):
                    yield _hidden(self.template.path, line, name, "template")
            for caption in self._nameless_captions if self._shows_captions_only else ():
                if mention_of(name).search(caption):
                    yield from (_hidden(path, caption, name, "data") for path in self._captions[caption])

    @property
    def _shows_captions_only(self) -> bool:
        return any(FILEWORDS in line for line in self._nameless_lines)

    @cached_property
    def _nameless_lines(self) -> tuple[str, ...]:
        return tuple(line for line in self.template.lines if not self._holds_name(line))

    @cached_property
    def _nameless_captions(self) -> tuple[str, ...]:
        return tuple(caption for caption in self._captions if not self._holds_name(caption))

    def _nothing_to_learn(self) -> Iterator[InputError]:
        lacking = len(self._nameless_lines) == len(self.template.lines)
        if self.names and self.items and lacking and len(self._nameless_captions) == len(self._captions):
            captions = f", and none of the captions holds {self.names[0]!r}" if self._captions else ""
            captions = captions or ", and there are no captions that could hold it"
            yield InputError(
                f"Nothing would be learned: no prompt of the template {self.template.path.name} holds {NAME}{captions}. Write "
                f"for example '{NAME}, {FILEWORDS}' into the template, or {NAME} into the captions.",
                field="template",
            )

    def _captions_without_name(self) -> Iterator[Finding]:
        lines = [line for line in self._nameless_lines if FILEWORDS in line]
        if not lines:
            return
        lacking = {path: None for caption in self._nameless_captions for path in self._captions[caption]}
        lacking |= {item.path: None for item in self.items if not item.caption}
        if lacking:
            pictures = len({item.path for item in self.items})
            name = repr(self.names[0]) if self.names else f"{NAME} (and the embedding's name is not known here)"
            yield Finding(
                kind="caption-without-name",
                message=f"{len(lines)} of {len(self.template.lines)} prompts in {self.template.path.name} leave the name to the "
                f"caption, and {len(lacking)} of {pictures} pictures have none that holds {name}: "
                f"{listed(path.name for path in lacking)}. A step with such a prompt teaches the embedding nothing.",
                files=tuple(map(str, lacking)),
            )

    def _bracket_findings(self) -> Iterator[Finding]:
        seen = {caption: each for caption, each in self._brackets.items() if isinstance(each, Brackets)}
        low, high = _USUAL_WEIGHTS
        strong = [
            caption
            for caption, each in seen.items()
            if any(not low - _ROUNDING <= w <= high + _ROUNDING for w in each.weights)
        ]
        yield from self._finding(
            "brackets-unbalanced",
            [caption for caption, each in seen.items() if each.unbalanced],
            "Brackets that do not pair up: an open one weighs all that follows, the embedding too. Close it, or write \\( for a "
            "bracket that is meant",
        )
        yield from self._finding(
            "weight-unusual", strong, f"A bracket gives a weight outside of {low:g} to {high:g}, which was hardly meant"
        )
        yield from self._finding(
            "brackets",
            [caption for caption, each in seen.items() if each.plain and not each.unbalanced],
            "Brackets are emphasis, as in prompts: (word) counts 1.1 times, [word] less. Write \\( \\) where they belong to the "
            "words",
        )

    def _torn_findings(self) -> Iterator[Finding]:
        if self.torn:
            yield from self._finding(
                "brackets-torn",
                [c for c, each in self._brackets.items() if isinstance(each, Brackets) and _spans_tags(c, each)],
                "A bracket is around several tags, which are shuffled or dropped one by one: it comes apart",
            )

    def _foreign_findings(self) -> Iterator[Finding]:
        pieces = {caption: found for caption in self._captions if (found := foreign_syntax(caption))}
        words = listed(piece for found in pieces.values() for piece in found)
        yield from self._finding(
            "prompt-syntax",
            list(pieces),
            f"Syntax of web UIs that means nothing in training, where it is read as words ({words})",
        )
        odd = {caption: found for caption in self._captions if (found := self._not_filled(caption))}
        words = listed(piece for found in odd.values() for piece in found)
        yield from self._finding(
            "placeholder", list(odd), f"Not filled in, but read as words: {words}. In captions {NAME} is filled in"
        )

    @staticmethod
    def _not_filled(caption: str) -> list[str]:
        return [*misspelt_placeholders(caption), *([FILEWORDS] if FILEWORDS in caption else [])]

    def _finding(self, kind: str, captions: Sequence[str], message: str) -> Iterator[Finding]:
        files = [path for caption in captions for path in self._captions[caption]]
        if files:
            names = listed(path.name for path in files)
            yield Finding(kind=kind, message=f"{message}: {names}.", files=tuple(map(str, files)))


def _looked_at(text: str) -> Brackets | str:
    try:
        return brackets_in(text)
    except InputError as error:
        return error.message


def _is_open(line: str) -> bool:
    seen = _looked_at(line.replace(NAME, "").split(FILEWORDS)[0])
    return isinstance(seen, str) or seen.unbalanced


def _spans_tags(caption: str, brackets: Brackets) -> bool:
    if brackets.unbalanced:
        return False
    tags = [_looked_at(tag) for tag in caption.split(",")]
    return any(isinstance(seen, Brackets) and seen.unbalanced for seen in tags)


def _hidden(path: Path, text: str, name: str, field: str) -> InputError:
    return InputError(
        f"{path}: in {text!r} prompts take another embedding, whose name is longer, in place of {name!r}. Give one of the two "
        "another name, or write it otherwise.",
        field=field,
    )


def _without(text: str, name: str, others: Sequence[str]) -> str:
    """``text`` without longer names that go before ``name``."""
    for other in others:
        if is_part_of(name, other) and mentions(text, other):
            text = " ".join(part for part in text.casefold().split(other.casefold()))
    return text
