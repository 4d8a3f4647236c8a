"""Mentions of an embedding in a prompt: as CLIP's tokenizer cuts words, since names are found by their tokens.

A run of letters is a word, every digit is one, and so is every run of signs; blanks and capitals do not count. So
``hero1`` is found in ``Hero 12``, and ``cat`` is not in ``cats`` (Radford et al. 2021, ``simple_tokenizer.py``).
"""

from __future__ import annotations

import re

_WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)


def words_of(text: str) -> tuple[str, ...]:
    """The words that CLIP's tokenizer sees, in small letters.

    >>> words_of("My_cat's hero12!")
    ('my', '_', 'cat', "'s", 'hero', '1', '2', '!')
    """
    return tuple(match.group() for match in _WORD.finditer(text.lower()))


def mentions(text: str, name: str) -> bool:
    """True where ``text`` would take the embedding ``name`` in."""
    wanted = words_of(name)
    if not wanted or wanted[0] not in text.lower():
        return False
    words = words_of(text)
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))


def is_part_of(name: str, other: str) -> bool:
    """True where the longer name ``other`` takes the place of ``name`` wherever a prompt holds it."""
    return len(words_of(other)) > len(words_of(name)) and mentions(other, name)
