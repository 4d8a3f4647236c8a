"""Edits of a caption, and of all captions of a folder at once. Pure functions on texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def tags_of(caption: str) -> list[str]:
    """Split a text at its commas, without blanks around the parts."""
    return [tag for tag in map(str.strip, caption.split(",")) if tag]


def replaced(caption: str, find: str, put: str) -> str:
    """Every occurrence of ``find``, letters as they are written; a caption without it stays exactly as it is."""
    return caption.replace(find, put) if find else caption


def with_tag(caption: str, tag: str, *, first: bool = False) -> str:
    """``tag`` at the end or the beginning; a caption that has it already stays as it is."""
    tag = tag.strip()
    if not tag or _has(caption, tag):
        return caption
    tags = tags_of(caption)
    return ", ".join([tag, *tags] if first else [*tags, tag])


def without_tag(caption: str, tag: str) -> str:
    """All of its occurrences as a whole tag, large and small letters alike."""
    if not _has(caption, tag):
        return caption
    return ", ".join(each for each in tags_of(caption) if each.casefold() != tag.strip().casefold())


def _has(caption: str, tag: str) -> bool:
    return tag.strip().casefold() in (each.casefold() for each in tags_of(caption))


def tag_counts(captions: Iterable[str]) -> list[tuple[str, int]]:
    """In how many captions each tag is, the most frequent first; written as it is first found."""
    counts: Counter[str] = Counter()
    written: dict[str, str] = {}
    for caption in captions:
        for key, tag in {tag.casefold(): tag for tag in reversed(tags_of(caption))}.items():
            counts[key] += 1
            written.setdefault(key, tag)
    return [(written[key], count) for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
