"""One run per embedding, whoever starts it: this web UI, another one, the HTTP API or a terminal.

The lock is a file ``.NAME.lock`` in the embeddings folder (no web UI reads that extension) that says who holds it. It is made with
O_EXCL, so two who come at once cannot both have it. A file left by a process that is gone is taken over in place.
"""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from ...core.base.files import disk_errors, make_folder
from ...core.embedding.names import check_name
from ...core.embedding.pair import pair_name
from ..errors import ConflictError
from .file_lock import exclusive
from .owner import is_alive, this_process

_HALF_WRITTEN_SECONDS = 10.0
"""A lock file nobody can read is someone's who is just writing it, or, when older than this, of someone who died then."""


class NameLock:
    """Held from ``acquire`` to ``release``, or for a ``with`` block. The halves of a pair share one lock."""

    def __init__(self, embeddings_dir: Path, name: str) -> None:
        self.name = check_name(name)
        self.path = embeddings_dir / f".{pair_name(name)}.lock"
        self._owner = this_process()

    def acquire(self) -> None:
        """Raises ConflictError naming the owner, InputError for a bad name, ResourceError where the folder cannot be written."""
        for _ in range(5):
            if self._create():
                return
            seen = _read(self.path)
            if seen is None:
                continue
            if self._is_alive(seen):
                raise ConflictError(self._refusal(seen), field="name")
            if self._take_over():
                return
        raise ConflictError(self._refusal(_read(self.path)), field="name")

    def release(self) -> None:
        """Does nothing where the lock is no longer ours."""
        seen = _read(self.path)
        if seen is None or seen.get("token") != self._owner["token"]:
            return
        try:
            self.path.unlink()
        except OSError:  # Windows, while someone reads it: this process lives on, so what names it has to go
            with suppress(OSError), self.path.open("r+", encoding="utf-8") as file:
                file.truncate()

    def __enter__(self) -> NameLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _create(self) -> bool:
        with disk_errors(self.path):
            make_folder(self.path.parent)
            try:
                handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except (FileExistsError, PermissionError):
                if self.path.exists():
                    return False
                raise
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._owner, file)
        return True

    def _is_alive(self, owner: dict[str, Any]) -> bool:
        if not owner:
            return time.time() - _modified(self.path) < _HALF_WRITTEN_SECONDS
        return is_alive(owner)

    def _take_over(self) -> bool:
        """Become the owner in place of one who is dead; False where someone else was quicker."""
        try:
            with self.path.open("r+", encoding="utf-8") as file, exclusive(file):
                if not os.path.samestat(os.fstat(file.fileno()), self.path.stat()) or self._is_alive(_owner_in(file)):
                    return False
                file.seek(0)
                file.truncate()
                json.dump(self._owner, file)
                return True
        except OSError:
            return False

    def _refusal(self, owner: dict[str, Any] | None) -> str:
        if not owner:
            return f"'{self.name}' is in use by another run. Try again in a moment."
        if owner.get("host") != platform.node():
            return (
                f"'{self.name}' is being trained on the computer {owner.get('host')} (process {owner.get('pid')}). "
                f"If that is long over, delete {self.path}."
            )
        if owner.get("pid") == os.getpid():
            return f"'{self.name}' is being trained already. Wait until it ends, or interrupt it."
        return (
            f"'{self.name}' is being trained by another program (process {owner.get('pid')}). "
            "Wait until it ends, or interrupt it there."
        )


def _read(path: Path) -> dict[str, Any] | None:
    """The owner; empty where the file holds none; None where there is no file."""
    try:
        with path.open(encoding="utf-8") as file:
            return _owner_in(file)
    except FileNotFoundError:
        return None
    except OSError:
        return {}


def _owner_in(file: TextIO) -> dict[str, Any]:
    try:
        content = json.load(file)
    except ValueError:
        return {}
    return content if isinstance(content, dict) and "pid" in content and "host" in content else {}


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
