"""A thing that a person should know about a folder or its prompts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """``kind`` is for programs (duplicate, caption-missing, …), ``message`` for people, ``files`` what it is about."""

    kind: str
    message: str
    files: tuple[str, ...] = ()
