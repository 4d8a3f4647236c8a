"""Routes whose modules are imported with their first call: a web UI that starts need not read them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class LaterApi:
    """Stands for what ``make`` returns: ``LaterApi(make).handler(name)`` calls its method ``name``. It is made once."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None
        self._making = threading.Lock()

    def handler(self, name: str) -> Callable[[Any], Any]:
        return lambda call: getattr(self._get(), name)(call)

    def _get(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made
