"""Adding the negative half of a pair to the negative prompt, where its positive half is in the prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping


def with_partners(prompt: str, negative: str, partners: Mapping[str, str]) -> str:
    """``negative`` with the partner of each name in ``prompt``, in their order, before it, unless it is there already.

    ``partners`` are negative halves by their positive ones. ``NAME@STEP`` brings ``PARTNER@STEP``. Large and small letters
    are the same, as in prompts.
    """
    missing = {name: partner for name, partner in partners.items() if not _places(partner, negative)}
    found = [
        (match.start(), partner + (match[1] or ""))
        for name, partner in missing.items()
        for match in _places(name, prompt)
    ]
    added = list(dict.fromkeys(wanted for _, wanted in sorted(found)))
    return ", ".join([*added, negative] if negative.strip() else added) if added else negative


def _places(name: str, text: str) -> list[re.Match[str]]:
    """Find the places where ``name`` stands alone, with ``@STEP`` as the only group; not as a part of a longer name."""
    return list(re.finditer(rf"(?<![\w-]){re.escape(name)}(@[0-9]{{1,9}})?(?![\w@-])", text, re.IGNORECASE))
