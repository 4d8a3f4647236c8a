"""Routes whose modules are imported with their first call: a web UI that starts need not read them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any


class LaterApi:
    """Stands for what ``make`` returns: ``LaterApi(make).name`` is a handler that calls its method ``name``.

    ``make`` may be called twice where two first calls come at once; what it makes holds no state that matters.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Any:
        return self._make()

    def handler(self, name: str) -> Callable[[Any], Any]:
        return lambda call: getattr(self._made, name)(call)
