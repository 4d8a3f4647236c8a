"""Settings of the web UI that are other for one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modules import shared

_ABSENT = object()


@contextmanager
def options_set(**wanted: Any) -> Iterator[None]:
    """Inside, these settings have these values, without callbacks and without being written to disk.

    A setting that somebody changes meanwhile keeps that change.
    """
    data = shared.opts.data
    before = {name: data.get(name, _ABSENT) for name in wanted}
    data.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if data.get(name, _ABSENT) != wanted[name]:
                continue
            if value is _ABSENT:
                del data[name]
            else:
                data[name] = value
