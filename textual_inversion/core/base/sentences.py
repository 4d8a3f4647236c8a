"""Parts of sentences that many messages have."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 5


def listed(names: Iterable[str], *, shown: int = SHOWN) -> str:
    """List names, each once, the first so many: ``a, b, c, d, e and 2 more``."""
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - shown} more" if len(every) > shown else ""
    return ", ".join(every[:shown]) + more
