"""Mentions of an embedding in a prompt: as CLIP's tokenizer cuts words, since names are found by their tokens.

A run of letters is a word, every digit is one, and so is every run of signs; blanks and capitals do not count. So
``hero1`` is found in ``Hero 12``, and ``cat`` is not in ``cats`` (Radford et al. 2021, ``simple_tokenizer.py``).
"""

from __future__ import annotations

import re
from unicodedata import normalize

_WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)


def words_of(text: str) -> tuple[str, ...]:
    """The words that CLIP's tokenizer sees, in small letters.

    >>> words_of("My_cat's hero12!")
    ('my', '_', 'cat', "'s", 'hero', '1', '2', '!')
    """
    return tuple(match.group() for match in _WORD.finditer(normalize("NFC", text).lower()))


def mentions(text: str, name: str) -> bool:
    """True where ``text`` would take the embedding ``name`` in."""
    wanted = words_of(name)
    if not wanted:
        return False
    words = words_of(text)
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))


def same_in_prompts(first: str, second: str) -> bool:
    """True where prompts cannot tell two names apart: by capitals, blanks or the way accents are stored."""
    return words_of(first) == words_of(second)


def is_part_of(name: str, other: str) -> bool:
    """True where the longer name ``other`` takes the place of ``name`` wherever a prompt holds it."""
    return len(words_of(other)) > len(words_of(name)) and mentions(other, name)


def runs_on(name: str, other: str) -> bool:
    """True where ``other`` is ``name`` with more digits, each of which is a word: ``hero1`` is found in ``hero12``."""
    short, long = words_of(name), words_of(other)
    after = long[len(short) : len(short) + 1]
    return (
        short == long[: len(short)] and short[-1:] != () and short[-1].isdigit() and after != () and after[0].isdigit()
    )
