"""The learning-rate text, read: what A1111 and its guides write, and a little more.

    text    = [warmup:STEP ,] piece , piece , …
    piece   = RATE [cosine [END] | linear [END]] [:STEP]       END: the rate to go to, 0 where left out
    STEP    = where the piece ends: 1000, 10,000, 0.5 or 50% (of all steps), -1 (the end)

Matches A1111 1.10.1 (``LearnRateScheduler``): a piece is used while step < STEP; one without STEP, with -1, or with one
past the last step lasts until the end. Unlike there, what could never be used, or is no positive number, is an error
that says where it is.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import NoReturn, cast

from ..base.errors import InputError
from .rate import Schedule, Segment, Shape

__all__ = ["Schedule", "Segment", "parse_schedule"]

_GROUPED = re.compile(r":\s*[0-9]{1,3}(?:,[0-9]{3})+(?=\s*(?:,|$))")
"""``:10,000`` with nothing but a comma or the end after it: digit grouping, and not a rate of 000."""

_WARMUP = re.compile(r"\s*warm-?up\s*:\s*([^\s,]+)[\s,]*", re.IGNORECASE)
_NUMBER = re.compile(r"\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_STEP_HELP = "Write a whole number (500), a share of all steps (0.5 or 50%), or -1 for the end."
_PIECE_HELP = "Write RATE, RATE:STEP, or RATE cosine END or RATE linear END, for example 5e-3:500, 1e-3."

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0x3001: 0x2C, 0x2212: 0x2D}
"""Signs as East Asian keyboards type them (``：``, ``，``, ``％``), one for one, so positions stay true."""


def parse_schedule(text: str, *, total_steps: int, field: str = "learning_rate") -> Schedule:
    """Read a schedule text for a run of ``total_steps`` updates; gradient clipping uses the same texts.

    Raises InputError for ``field``, with the character (counted from 1) where the mistake is.
    """
    if total_steps < 1:
        raise InputError(f"The number of steps is {total_steps}; it must be at least 1.", field="steps")
    return _Reader(text=text, total_steps=total_steps, field=field).read()


@dataclass(frozen=True, kw_only=True)
class _Word:
    text: str
    at: int


@dataclass(frozen=True, kw_only=True)
class _Step:
    value: int
    relative: bool


@dataclass(frozen=True, kw_only=True)
class _Reader:
    text: str
    total_steps: int
    field: str

    @property
    def noun(self) -> str:
        return "rate" if self.field == "learning_rate" else "value"

    def read(self) -> Schedule:
        plain = self.text.translate(_FULL_WIDTH)
        # Same length on purpose: every position found below is one in the person's own text.
        plain = _GROUPED.sub(lambda match: match[0].replace(",", "_"), plain)
        start, warmup = self.read_warmup(plain)
        pieces = [match for match in re.finditer(r"[^,]+", plain[start:]) if match[0].strip()]
        if not pieces:
            self.fail(start, f"There is no {self.noun} here. {_PIECE_HELP}")
        segments: list[Segment] = []
        previous: _Step | None = None
        for number, match in enumerate(pieces):
            piece = _Word(text=match[0], at=start + match.start())
            segment, previous = self.read_piece(piece, previous=previous, last=number == len(pieces) - 1)
            if segment.end > segment.start:
                segments.append(segment)
        return Schedule(segments=tuple(segments), total_steps=self.total_steps, warmup=warmup)

    def read_warmup(self, plain: str) -> tuple[int, int]:
        match = _WARMUP.match(plain)
        if match is None:
            return 0, 0
        step = self.read_step(_Word(text=match[1], at=match.start(1)))
        if step is None:
            self.fail(match.start(1), "A warm-up needs an end of its own, for example warmup:20 or warmup:5%.")
        return match.end(), min(step.value, self.total_steps)

    def read_piece(self, piece: _Word, *, previous: _Step | None, last: bool) -> tuple[Segment, _Step]:
        head, colon, tail = piece.text.partition(":")
        words = [_Word(text=match[0], at=piece.at + match.start()) for match in re.finditer(r"\S+", head)]
        if not words:
            self.fail(piece.at, f"There is no {self.noun} before this colon.")
        if ":" in tail:
            self.fail(piece.at + len(head) + 1 + tail.index(":"), "A second colon in one piece. Is a comma missing?")
        rate = self.read_rate(words[0])
        shape, final = self.read_shape(words[1:], rate=rate)
        step = None
        if colon:
            blanks = len(tail) - len(tail.lstrip())
            step = self.read_step(_Word(text=tail.strip(), at=piece.at + len(head) + 1 + blanks))
        if step is None and not last:
            self.fail(words[0].at, f"{self.quote(piece)} lasts until the end, so what follows it is never used.")
        if step and previous:
            self.check_order(piece, step, previous)
        step = step or _Step(value=self.total_steps, relative=True)
        start = min(previous.value, self.total_steps) if previous else 0
        end = min(step.value, self.total_steps)
        return Segment(start=start, end=end, rate=rate, final=final, shape=shape), step

    def read_rate(self, word: _Word) -> float:
        if word.text.lower().startswith("warm"):
            self.fail(word.at, "A warm-up stands once, at the start, as warmup:20 or warmup:5%.")
        value = self.read_number(word, what=self.noun)
        if value == 0:
            self.fail(word.at, f"A {self.noun} must be above zero. Decimals are written with a point: 0.005.")
        return value

    def read_shape(self, words: list[_Word], *, rate: float) -> tuple[Shape, float]:
        if not words:
            return "constant", rate
        name = words[0].text.lower()
        if name not in ("cosine", "linear"):
            self.fail(words[0].at, f"{words[0].text!r} is not understood. {_PIECE_HELP}")
        if len(words) > 2:
            self.fail(words[2].at, f"{words[2].text!r} is one word too many. {_PIECE_HELP}")
        final = self.read_number(words[1], what=self.noun) if len(words) == 2 else 0.0
        return cast("Shape", name), final

    def read_step(self, word: _Word) -> _Step | None:
        """None for -1: until the end."""
        if word.text == "-1":
            return None
        percent = word.text.endswith("%")
        digits = _Word(text=word.text.rstrip("%").rstrip() if percent else word.text.replace("_", ""), at=word.at)
        value = self.read_number(digits, what="step", help_text=_STEP_HELP)
        if value == 0:
            self.fail(word.at, f"A piece cannot end at step 0. {_STEP_HELP}")
        share = value / 100 if percent else value
        decimal = not digits.text.lstrip("+").isdigit()
        if percent or (decimal and share <= 1):
            if share > 1:
                self.fail(word.at, f"{word.text!r} is more than all steps. {_STEP_HELP}")
            return _Step(value=max(1, round(share * self.total_steps)), relative=True)
        if value != int(value):
            self.fail(word.at, f"{word.text!r} is neither a whole number of steps nor a share up to 1. {_STEP_HELP}")
        return _Step(value=int(value), relative=False)

    def read_number(self, word: _Word, *, what: str, help_text: str = _PIECE_HELP) -> float:
        if word.text.startswith("-"):
            self.fail(word.at, f"The {what} {word.text!r} is negative; it must be above zero.")
        if not _NUMBER.fullmatch(word.text):
            self.fail(word.at, f"{word.text!r} is not a {what}. {help_text}")
        value = float(word.text)
        if math.isinf(value):
            self.fail(word.at, f"The {what} is too large for a number.")
        return value

    def check_order(self, piece: _Word, step: _Step, previous: _Step) -> None:
        # Two shares of a short run may round to the same step; two written steps that are equal are a mistake.
        same = step.value == previous.value and not (step.relative or previous.relative)
        if same or step.value < previous.value:
            self.fail(
                piece.at + len(piece.text) - len(piece.text.lstrip()),
                f"{self.quote(piece)} ends at step {step.value}, but the piece before it ends at {previous.value}. "
                "Each STEP says where its piece ends, counted from the start of training; they must rise.",
            )

    def quote(self, piece: _Word) -> str:
        return repr(self.text[piece.at : piece.at + len(piece.text)].strip())

    def fail(self, at: int, reason: str) -> NoReturn:
        label = self.field.replace("_", " ").capitalize()
        raise InputError(f"{label}, at character {at + 1}: {reason}", field=self.field)
