"""One run per embedding, whoever starts it: this web UI, another one, the HTTP API or a terminal.

The operating system holds the lock, on the file ``.NAME.lock`` in the embeddings folder (no web UI reads that extension), so it
is free as soon as its owner is gone. A JSON file beside it says who that is.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from ...core.base.errors import UserError
from ...core.base.files import disk_errors, make_folder, write_json
from ...core.embedding.names import check_name
from ...core.embedding.pair import pair_name
from ..errors import ConflictError

_DOOR = ".textual-inversion.lock"
_PATIENCE_SECONDS = 10.0


class NameLock:
    """Held from ``acquire`` to ``release``, or for a ``with`` block, by any thread. The halves of a pair share one lock."""

    def __init__(self, embeddings_dir: Path, name: str) -> None:
        self.name = check_name(name)
        self.path = embeddings_dir / f".{pair_name(name)}.lock"
        self._owner_file = self.path.with_name(f"{self.path.name}.json")
        self._lock = FileLock(self.path, timeout=0, thread_local=False)

    def acquire(self) -> None:
        """Raises ConflictError naming the owner, InputError for a bad name, ResourceError where the folder cannot be written."""
        with self._door():
            try:
                with disk_errors(self.path):
                    self._lock.acquire()
            except Timeout:
                raise ConflictError(self._refusal(_read(self._owner_file)), field="name") from None
            try:
                write_json(self._owner_file, {"pid": os.getpid(), "host": platform.node()})
            except BaseException:
                self._lock.release()
                raise

    def release(self) -> None:
        """Does nothing where the lock is not held. Files that cannot be removed hold nobody off."""
        if not self._lock.is_locked:
            return
        with suppress(UserError, OSError), self._door():
            self._owner_file.unlink(missing_ok=True)
            self._lock.release()
            self.path.unlink(missing_ok=True)
        self._lock.release()

    def __enter__(self) -> NameLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @contextmanager
    def _door(self) -> Generator[None]:
        """Let one at a time take or give back a lock of this folder: so its file can be removed, and nobody waits at a file that
        is no longer there."""
        folder = self.path.parent
        door = FileLock(folder / _DOOR, thread_local=False)
        with disk_errors(folder / _DOOR):
            make_folder(folder)
            try:
                door.acquire(timeout=_PATIENCE_SECONDS)
            except Timeout:
                raise ConflictError(f"Another program is busy in {folder}. Try again in a moment.") from None
        try:
            yield
        finally:
            door.release()

    def _refusal(self, owner: Mapping[str, Any]) -> str:
        if not owner:
            return f"'{self.name}' is in use by another run. Try again in a moment."
        if owner.get("host") != platform.node():
            return f"'{self.name}' is being trained on the computer {owner.get('host')} (process {owner.get('pid')})."
        if owner.get("pid") == os.getpid():
            return f"'{self.name}' is being trained already. Wait until it ends, or interrupt it."
        return (
            f"'{self.name}' is being trained by another program (process {owner.get('pid')}). "
            "Wait until it ends, or interrupt it there."
        )


def _read(path: Path) -> Mapping[str, Any]:
    """The owner; empty where the file holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and {"pid", "host"} <= content.keys() else {}
