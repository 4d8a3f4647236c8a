"""Regular expressions that people write, which can neither freeze the program nor take its memory."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    import regex

_LONGEST = 500
_MOST_REPEATS = 1000
"""The product of all counted repeats: the engine writes them out. A file name has at most 255 characters."""
_COUNTED = re.compile(r"\{\s*(\d*)\s*,?\s*(\d*)\s*\}")
_SECONDS = 2.0
"""Of one text; and five times as many of all texts together."""


class Pattern:
    """A pattern in the syntax of Python's ``re``, matched by the ``regex`` package: that looks at the clock while it works, and
    lets other threads work. Any thread may use it, one at a time."""

    def __init__(self, text: str, *, label: str, field: str) -> None:
        """``label`` names the setting in messages. Raises InputError for what is no pattern, or too large a one."""
        self._text, self._label, self._field = text, label, field
        self._left = 5 * _SECONDS
        counts = [int(number) for match in _COUNTED.finditer(text) for number in match.groups() if number.strip("0")]
        if len(text) > _LONGEST or math.prod(counts) > _MOST_REPEATS:
            raise self._error(
                f"is too large: at most {_LONGEST} characters, and repeats of {_MOST_REPEATS} in all, can be had"
            )
        try:
            re.compile(text)
            self._pattern = _compiled(text)
        except (re.error, ValueError, RecursionError, OverflowError) as error:
            raise self._error(f"is not a regular expression: {error}") from error

    def matches(self, text: str) -> Iterator[str]:
        """All matches in ``text``. Raises InputError where finding them takes longer than anybody would wait."""
        began = time.monotonic()
        try:
            yield from (
                match[0] for match in self._pattern.finditer(text, timeout=min(_SECONDS, self._left), concurrent=True)
            )
        except TimeoutError:
            self._left = 0.0
            raise self._error(
                f"takes too long on {text!r}. Repeats inside repeats, as in (a+)+, and choices that begin alike are what makes "
                "it slow"
            ) from None
        self._left = max(0.1, self._left - (time.monotonic() - began))

    def _error(self, what: str) -> InputError:
        return InputError(f"The {self._label} {self._text!r} {what}.", field=self._field)


def _compiled(text: str) -> regex.Pattern[str]:
    """Raises ValueError with the engine's reason."""
    import regex

    try:
        return regex.compile(text)
    except regex.error as error:
        raise ValueError(str(error)) from error
