"""A1111's attention brackets, as pure functions: what training will make of a caption can be known before the model is there.

Everything here behaves as AUTOMATIC1111 v1.10.1 does (`prompt_parser.parse_prompt_attention`), its quirks included.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ..base.errors import InputError

ROUND_BRACKET = 1.1
SQUARE_BRACKET = 1 / 1.1
BREAK = ("BREAK", -1.0)

LONGEST_PROMPT = 10_000
"""Characters; what people write has a few thousand. Brackets inside brackets take time that grows with the square."""

LARGEST_WEIGHT = 1000.0
"""Beyond this half precision overflows inside the U-Net, and a run would end with NaN."""

_SYMBOL = re.compile(
    r"""
    \\[()\[\]\\]                       # an escaped bracket or backslash
    | \\
    | \( | \[
    | :\s*([+-]?[.\d]+)\s*\)           # the weight that closes a round bracket
    | \) | \]
    | [^\\()\[\]:]+
    | :
    """,
    re.VERBOSE,
)
_BREAK_WORD = re.compile(r"\bBREAK\b")


def parse_attention(prompt: str) -> list[tuple[str, float]]:
    r"""Split a prompt into texts and their weights.

    ``(a)`` is 1.1, ``(a:1.3)`` is 1.3, ``[a]`` is 1/1.1; they multiply when nested, an unbalanced bracket reaches to
    the end, ``\(`` is a literal bracket. The word BREAK outside of brackets becomes ``BREAK`` with weight -1.
    Raises InputError for a weight that is no number, or no finite one, and for a prompt longer than ``LONGEST_PROMPT``.

    >>> parse_attention("an (important) [small:] word")
    [('an ', 1.0), ('important', 1.1), (' ', 1.0), ('small:', 0.9090909090909091), (' word', 1.0)]
    """
    _check_length(prompt)
    spans: list[tuple[str, float]] = []
    round_starts: list[int] = []
    square_starts: list[int] = []

    def weigh(start: int, factor: float) -> None:
        spans[start:] = [(text, weight * factor) for text, weight in spans[start:]]

    for match in _SYMBOL.finditer(prompt):
        symbol, weight = match.group(0), match.group(1)
        if symbol.startswith("\\"):
            spans.append((symbol[1:], 1.0))
        elif symbol == "(":
            round_starts.append(len(spans))
        elif symbol == "[":
            square_starts.append(len(spans))
        elif weight is not None and round_starts:
            weigh(round_starts.pop(), _weight(weight, prompt))
        elif symbol == ")" and round_starts:
            weigh(round_starts.pop(), ROUND_BRACKET)
        elif symbol == "]" and square_starts:
            weigh(square_starts.pop(), SQUARE_BRACKET)
        else:
            spans += _split_at_breaks(symbol)
    for start in round_starts:
        weigh(start, ROUND_BRACKET)
    for start in square_starts:
        weigh(start, SQUARE_BRACKET)
    _check_finite(spans, prompt)
    return _merge_equal_weights(spans or [("", 1.0)])


def _weight(text: str, prompt: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"The weight {text!r} in the prompt {_shown(prompt)} is not a number; write it like (word:1.2), or a literal bracket "
            "as \\(."
        ) from None


def _check_length(prompt: str) -> None:
    if len(prompt) > LONGEST_PROMPT:
        raise InputError(
            f"The prompt {_shown(prompt)} has {len(prompt)} characters; at most {LONGEST_PROMPT} can be read."
        )


def _check_finite(spans: list[tuple[str, float]], prompt: str) -> None:
    for _, weight in spans:
        if not math.isfinite(weight):
            raise _no_emphasis(weight, prompt)


def _shown(prompt: str) -> str:
    return repr(prompt if len(prompt) <= 200 else f"{prompt[:199]}…")


def _no_emphasis(weight: float, prompt: str) -> InputError:
    return InputError(
        f"The weight {weight:g} in the prompt {_shown(prompt)} is no emphasis (at most {LARGEST_WEIGHT:g}); write a literal "
        "bracket as \\(."
    )


def _split_at_breaks(text: str) -> list[tuple[str, float]]:
    parts = _BREAK_WORD.split(text)
    if len(parts) == 1:
        return [(text, 1.0)]
    first, *middle, last = parts  # the blanks around the word go with it
    spans = [(first.rstrip(), 1.0)]
    for part in [*map(str.strip, middle), last.lstrip()]:
        spans += [BREAK, (part, 1.0)]
    return spans


def _merge_equal_weights(spans: list[tuple[str, float]]) -> list[tuple[str, float]]:
    merged = spans[:1]
    for text, weight in spans[1:]:
        if weight == merged[-1][1]:
            merged[-1] = (merged[-1][0] + text, weight)
        else:
            merged.append((text, weight))
    return merged


@dataclass(frozen=True, kw_only=True)
class Brackets:
    """Attention brackets of one prompt.

    ``unbalanced`` where one is not closed, or closes none; ``plain`` where one has no weight of its own; ``weights`` of
    all texts that have another than 1.
    """

    unbalanced: bool
    plain: bool
    weights: tuple[float, ...]


def brackets_in(prompt: str) -> Brackets:
    """Look at a prompt's brackets. Raises InputError as ``parse_attention`` does, and for weights that overflow."""
    weights = [weight for text, weight in parse_attention(prompt) if weight != 1 and (text, weight) != BREAK]
    for weight in weights:
        if not _is_usable(weight):
            raise _no_emphasis(weight, prompt)
    opened = {"round": 0, "square": 0}
    plain = stray = False
    for match in _SYMBOL.finditer(prompt):
        symbol = match.group(0)
        kind = "square" if symbol in "[]" else "round"
        if symbol in "([":
            opened[kind] += 1
        elif symbol in ")]" or match.group(1) is not None:
            stray = stray or not opened[kind]
            plain = plain or bool(opened[kind] and match.group(1) is None)
            opened[kind] = max(0, opened[kind] - 1)
    return Brackets(unbalanced=stray or any(opened.values()), plain=plain, weights=tuple(weights))


def may_fail(text: str) -> bool:
    """True where ``text`` could not be read if a bracket had been opened before it."""
    return any(not _is_usable(match.group(1)) for match in _SYMBOL.finditer(text) if match.group(1) is not None)


def _is_usable(weight: float | str) -> bool:
    try:
        return math.isfinite(float(weight)) and abs(float(weight)) <= LARGEST_WEIGHT
    except ValueError:
        return False
