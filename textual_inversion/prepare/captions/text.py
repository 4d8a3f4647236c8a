"""One caption out of an old one, new ones, a prefix and a suffix."""

from __future__ import annotations

from collections.abc import Iterable

from ..settings.captions import CaptionSettings


def needs_new(old: str, settings: CaptionSettings) -> bool:
    """Tell whether a model has to look at the picture at all."""
    return bool(settings.caption) and not (settings.existing == "keep" and old)


def combined(old: str, new: Iterable[str], settings: CaptionSettings) -> str:
    """The caption that is written; empty where there is nothing to write.

    ``old`` is what the text file beside the source says ("" without one), ``new`` what the models wrote, in their order.
    """
    written = _joined(new)
    if not written or (settings.existing == "keep" and old):
        body = old
    elif settings.existing == "prepend":
        body = _joined([old, written])
    elif settings.existing == "append":
        body = _joined([written, old])
    else:
        body = written
    return f"{settings.prefix}{body}{settings.suffix}".strip()


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(text.strip() for text in texts if text.strip())
