"""Functions of a web UI that go through one of ours, until they are told not to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


class Patched:
    """A function of a class or module, replaced by what ``around`` makes of it.

    Others patch the same functions, before us or after. So ``remove`` puts the first one back only where ours still stands;
    beneath another's it stays, and from then on does nothing but call the first.
    """

    def __init__(self, owner: Any, name: str, around: Callable[[Function], Function]) -> None:
        self._owner, self._name = owner, name
        self._first: Function = vars(owner)[name]
        self._now = around(self._first)

        @functools.wraps(self._first)
        def ours(*arguments: Any, **named: Any) -> Any:
            return self._now(*arguments, **named)

        self._ours = ours
        setattr(owner, name, ours)

    def remove(self) -> None:
        self._now = self._first
        if vars(self._owner).get(self._name) is self._ours:
            setattr(self._owner, self._name, self._first)
