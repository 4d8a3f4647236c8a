"""From a tagger's scores to the text of a caption."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_BRACKETS = re.compile(r"([\\()])")
_HAS_WORD = re.compile(r"[^\W\d_]{2}")
"""Tags without one are faces, such as ``0_0`` and ``(o)_(o)``, whose underscore is no blank."""

_RATING = "rating:"


@dataclass(frozen=True, kw_only=True)
class TagRules:
    """A1111's options of the deepbooru interrogator, and a maximum. ``threshold`` is in [0, 1]; ``most`` 0 takes all."""

    threshold: float = 0.5
    alphabetical: bool = True
    spaces: bool = True
    escape: bool = True
    without: str = ""
    most: int = 0


def tag_text(scores: Mapping[str, float], rules: TagRules) -> str:
    """Tags of at least the threshold, the surest first or in alphabetical order, joined with commas.

    Ratings are left out, as A1111 does. ``without`` lists tags with spaces or underscores, separated by commas.
    """
    unwanted = {_plain(tag) for tag in rules.without.split(",")}
    sure = [tag for tag, score in scores.items() if score >= rules.threshold and not tag.startswith(_RATING)]
    wanted = sorted((tag for tag in sure if _plain(tag) not in unwanted), key=lambda tag: (-scores[tag], tag))
    kept = wanted[: rules.most] if rules.most else wanted
    return ", ".join(_written(tag, rules) for tag in (sorted(kept) if rules.alphabetical else kept))


def _plain(tag: str) -> str:
    return tag.strip().replace(" ", "_").casefold()


def _written(tag: str, rules: TagRules) -> str:
    shown = tag.replace("_", " ") if rules.spaces and _HAS_WORD.search(tag) else tag
    return _BRACKETS.sub(r"\\\1", shown) if rules.escape else shown
