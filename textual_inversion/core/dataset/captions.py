"""The words that go with a picture, and what of them one step sees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from ..base.pattern import Pattern
from ..base.randomness import uniform
from ..base.text_files import read_text
from ..settings.prompts import PromptSettings

_SIDES = re.compile(r"\b(left|right)(?!\s+now)\b", re.IGNORECASE)
_NUMBERS_AT_START = re.compile(r"^[-\d]+\s*")


@dataclass(frozen=True, kw_only=True)
class FileNameWords:
    """Rule from a file name to a caption: A1111's *Filename word regex* and *Filename join string*."""

    regex: str = ""
    join: str = " "

    @cached_property
    def _pattern(self) -> Pattern:
        return Pattern(self.regex, label="filename word regex", field="filename_regex")

    def __post_init__(self) -> None:
        """Raises InputError for what is no pattern."""
        if self.regex:
            _ = self._pattern

    def caption(self, stem: str) -> str:
        """The caption in a file name without its extension.

        Digits and dashes at the front go first; then, where there is a regex, its matches are joined:
        ``000001-1-a man in suit`` with ``\\w+`` and ``, `` is ``a, man, in, suit`` (A1111's ``dataset.py``).
        Raises InputError where the regex takes too long.
        """
        words = _NUMBERS_AT_START.sub("", stem)
        if not self.regex:
            return words
        return self.join.join(self._pattern.matches(words))


def caption_of(picture: Path, file: Path | None, words: FileNameWords | None = None) -> str:
    """Read the text of a picture's caption ``file``, without blanks around it; where it is None, what the file name says.

    As in A1111 the regex is for file names only, and an empty text file means an empty caption.
    Raises InputError where the file cannot be read.
    """
    if file is not None:
        return read_text(file, field="data").strip()
    return (words or FileNameWords()).caption(picture.stem)


def loses_a_number(stem: str) -> bool:
    """True where digits belong to the first word of a file name (``3d render``, ``00012-0-1girl``), and go with its number."""
    match = _NUMBERS_AT_START.match(stem)
    return match is not None and match.group()[-1:].isdigit() and stem[match.end() :][:1].isalpha()


def sides_named(caption: str) -> bool:
    """True where a caption says left or right, which is wrong of a mirrored picture."""
    return _SIDES.search(caption) is not None


def draw_caption(caption: str, settings: PromptSettings, source: torch.Generator) -> str:
    """The caption as one step sees it: perhaps none, perhaps without some tags, perhaps in another order.

    Of the settings ``caption_dropout`` and ``tag_dropout`` are probabilities in [0, 1]; the first ``keep_tags`` tags stay in
    place.

    Tags are what stands between commas. A1111 leaves the blanks on them; here they are put back evenly, which the
    text encoder cannot tell apart. A caption is left exactly as it is while no rule is on.
    """
    if settings.caption_dropout > 0 and uniform(source) < settings.caption_dropout:
        return ""
    if not settings.shuffle_tags and settings.tag_dropout <= 0:
        return caption
    tags = [tag for tag in map(str.strip, caption.split(",")) if tag]
    kept, rest = tags[: settings.keep_tags], tags[settings.keep_tags :]
    if settings.tag_dropout > 0:
        rest = [tag for tag in rest if uniform(source) >= settings.tag_dropout]
    if settings.shuffle_tags:
        rest = [rest[index] for index in torch.randperm(len(rest), generator=source).tolist()]
    return ", ".join(kept + rest)
