"""Answers that are bytes: a download, a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Content:
    """``file_name``: offered as a download of that name. ``keep``: its address names its version, so a browser may keep it."""

    data: bytes
    media_type: str
    file_name: str = ""
    keep: bool = False
