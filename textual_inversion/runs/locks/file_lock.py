"""The operating system's lock on an open file, which ends with the process that holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_FAR = 2**30
"""Windows keeps others from reading locked bytes, so one behind the file's end is locked."""


@contextmanager
def exclusive(file: TextIO) -> Iterator[None]:
    """Hold the file for the block; raises OSError at once where another process or thread holds it."""
    if os.name == "nt":
        with _windows(file):
            yield
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield
        finally:
            file.flush()
            fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def _windows(file: TextIO) -> Iterator[None]:
    import msvcrt

    handle = file.fileno()
    _lock_byte(handle, msvcrt.LK_NBLCK)
    try:
        yield
    finally:
        file.flush()
        _lock_byte(handle, msvcrt.LK_UNLCK)


def _lock_byte(handle: int, mode: int) -> None:
    import msvcrt

    place = os.lseek(handle, 0, os.SEEK_CUR)
    os.lseek(handle, _FAR, os.SEEK_SET)
    try:
        msvcrt.locking(handle, mode, 1)
    finally:
        os.lseek(handle, place, os.SEEK_SET)
