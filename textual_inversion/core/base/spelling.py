"""Spellings that are one name, for people and for most file systems."""

from __future__ import annotations

import unicodedata


def folded(name: str) -> str:
    """``name`` without the difference of large and small letters, and with accents composed (macOS takes them apart).

    >>> folded("CAFE\u0301.TXT") == folded("café.txt")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
