"""The names an embedding had before it was renamed, kept in its notes: its runs lie under them."""

from __future__ import annotations

from collections.abc import Mapping

FORMERLY = "formerly"
_MOST = 20


def former_names(notes: Mapping[str, str]) -> list[str]:
    """Oldest first; of a file that somebody wrote into, no more than a few."""
    return [name for name in notes.get(FORMERLY, "").splitlines() if name.strip()][:_MOST]


def with_former(notes: Mapping[str, str], *, old: str, new: str) -> dict[str, str]:
    """The notes after a renaming. Going back to an earlier name forgets it and those after it."""
    names = [*former_names(notes), old]
    before = names[: names.index(new)] if new in names else names
    rest = {key: value for key, value in notes.items() if key != FORMERLY}
    return {**rest, FORMERLY: "\n".join(before)} if before else rest
