"""Actions on files that are cut short before one of their operations, as by a kill, in a process of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

_CUT, _DONE, _FAILED = 77, 0, 78
_OPERATIONS = ("rename", "replace", "unlink")


def cut_short(act: Callable[[], object], *, before: int) -> bool:
    """Do ``act`` in a child process that ends before file operation number ``before``, from 0; False where there are fewer."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    child = os.fork()
    if child == 0:
        code = _FAILED
        try:
            _count_down(before)
            act()
            code = _DONE
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended in (_CUT, _DONE), f"the action failed ({ended})"
    return ended == _CUT


def _count_down(left: int) -> None:
    def counted(operation: Callable[..., object]) -> Callable[..., object]:
        def run(*given: object, **named: object) -> object:
            nonlocal left
            if left == 0:
                os._exit(_CUT)
            left -= 1
            return operation(*given, **named)

        return run

    for name in _OPERATIONS:
        setattr(Path, name, counted(getattr(Path, name)))
    os.rename = counted(os.rename)  # what shutil.move does
