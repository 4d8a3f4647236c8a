"""A file that another program holds, or a disk that is full, for tests of what is appended to."""

from __future__ import annotations

from pathlib import Path

import pytest


def held(path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    original = Path.open

    def opened(self: Path, *arguments: object, **options: object) -> object:
        if self == path and "a" in str(arguments):
            raise error
        return original(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", opened)
