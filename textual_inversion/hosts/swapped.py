"""Attributes of foreign objects that are other for a while and then exactly what they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_ABSENT = object()


@contextmanager
def swapped(target: Any, **values: Any) -> Iterator[None]:
    """Inside, ``target`` has these attributes. Leaving puts back its own, or takes off those it had not itself.

    "Its own" is what stands in its ``__dict__``: an instance that only inherits an attribute inherits it again.
    """
    own: Mapping[str, Any] = vars(target)
    before = {name: own.get(name, _ABSENT) for name in values}
    try:
        for name, value in values.items():
            setattr(target, name, value)
        yield
    finally:
        for name, value in before.items():
            if value is not _ABSENT:
                setattr(target, name, value)
            elif name in vars(target):
                delattr(target, name)
