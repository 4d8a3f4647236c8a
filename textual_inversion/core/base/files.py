"""Writing files so that a crash, a full disk or a reader at the wrong moment never meets half a file."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import InputError, ResourceError, UserError

STALE_AFTER_SECONDS = 600.0
"""A temporary file this old belongs to a process that was killed: writing one takes seconds."""

_REASONS = {
    errno.ENOSPC: "the disk is full. Free some space and try again",
    errno.EDQUOT: "your disk quota is used up. Free some space and try again",
    errno.EROFS: "the disk is read-only. Choose another folder",
    errno.EACCES: "the folder may not be written to. Check its permissions, or choose another folder",
    errno.EPERM: "the folder may not be written to. Check its permissions, or choose another folder",
    errno.ENAMETOOLONG: "the name is too long for this disk. Choose a shorter one",
    errno.ENOTDIR: "a part of the path is a file, not a folder. Choose another folder",
    errno.EEXIST: "a part of the path is a file, not a folder. Choose another folder",
    errno.EINVAL: "this disk does not allow the name. Choose another one",
    errno.EISDIR: "there is a folder of that name. Choose another name",
    errno.EFBIG: "the file is too large for this disk. Choose another folder",
    errno.EIO: "the disk reported an error. Check the disk, or choose another folder",
}
_UNREADABLE = {
    errno.ENOENT: "it is not there",
    errno.EACCES: "it may not be read. Check its permissions",
    errno.EPERM: "it may not be read. Check its permissions",
    errno.ENAMETOOLONG: "no disk has a name as long as this",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.ELOOP: "it is a circle of links",
    errno.EINVAL: "this is no name of a file here",
    errno.EIO: "the disk reported an error. Check the disk",
}
_counter = itertools.count()


def resource_error(path: Path, error: OSError) -> ResourceError | None:
    """The sentence for an error of the disk, or None where ``error`` is not one of these."""
    reason = _REASONS.get(error.errno or 0)
    return ResourceError(f"Cannot write {path}: {reason}.") if reason else None


def read_error(error: OSError) -> UserError | None:
    """The sentence for an error that came from outside any ``disk_errors``, so from reading; None where it is none of the disk.

    A full disk is one of writing wherever it is met.
    """
    if error.filename is None:
        return None
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
        return resource_error(Path(str(error.filename)), error)
    reason = _UNREADABLE.get(error.errno or 0)
    return InputError(f"{error.filename} cannot be read: {reason}.") if reason else None


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Turn a full, read-only or forbidden disk into a ResourceError that names ``path``; other errors pass."""
    try:
        yield
    except OSError as error:
        if known := resource_error(path, error):
            raise known from error
        raise


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it where they are missing. Raises ResourceError where that cannot be."""
    with disk_errors(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:
            raise ResourceError(
                f"Cannot make the folder {folder}: the drive or folder that it should lie in is not there. Choose another one."
            ) from error


@contextmanager
def atomic_write(path: Path) -> Generator[BinaryIO]:
    """Write ``path`` whole or not at all: the block gets an open binary file, which replaces ``path`` at its end.

    The temporary file lies beside ``path`` as ``.NAME.EXT.tmp-PID-N``, an extension no web UI reads. If the block
    raises, it is removed and the old ``path`` stays as it was. Missing folders are made.
    Raises ResourceError where the disk is full or may not be written.
    """
    make_folder(path.parent)
    with disk_errors(path):
        _remove_stale(path)
        temporary = _temporary_name(path)
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically. Raises ResourceError as ``atomic_write``."""
    with atomic_write(path) as file:
        file.write(data)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files so that all of them are replaced, or, if one cannot be, none.

    A process killed between two of the renames, which follow one another at once, can leave them apart.
    Raises ResourceError as ``atomic_write``.
    """
    with ExitStack() as stack:
        fresh = {path: stack.enter_context(_temporary_file(path, data)) for path, data in contents.items()}
        kept = {path: stack.enter_context(_second_name(path)) for path in contents}
        done: list[Path] = []
        try:
            for path, temporary in fresh.items():
                with disk_errors(path):
                    _replace(temporary, path)
                done.append(path)
        except BaseException:
            for path in done:
                old = kept[path]
                _replace(old, path) if old is not None else path.unlink(missing_ok=True)
            raise
    for folder in {path.parent for path in contents}:
        _sync_folder(folder)


@contextmanager
def _temporary_file(path: Path, data: bytes) -> Generator[Path]:
    """``data`` on the disk under a temporary name beside ``path``; what is still there at the end is removed."""
    make_folder(path.parent)
    temporary = _temporary_name(path)
    try:
        with disk_errors(path):
            _remove_stale(path)
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _second_name(path: Path) -> Generator[Path | None]:
    """The present file under a second, temporary name, so that it can be put back without room on the disk; None for no file."""
    if not path.exists():
        yield None
        return
    second = _temporary_name(path)
    try:
        try:
            os.link(path, second)
        except OSError:  # a file system without links
            shutil.copyfile(path, second)
        yield second
    finally:
        with suppress(OSError):
            second.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, atomically. Raises ResourceError as ``atomic_write``."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write ``value`` to ``path`` as indented JSON, atomically. Raises ResourceError as ``atomic_write``."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:  # file names that are no text at all (Linux): escaped, they can be read back
        data = json.dumps(value, indent=2).encode("ascii")
    write_bytes(path, data + b"\n")


def _temporary_name(path: Path) -> Path:
    """Beside ``path``; short enough that a long but legal name stays legal."""
    unique = f"{os.getpid()}-{threading.get_ident() % 100_000}{next(_counter)}"
    return path.with_name(f"{_prefix(path)}{unique}")


def _prefix(path: Path) -> str:
    return f".{path.name.encode()[:180].decode(errors='ignore')}.tmp-"


def _remove_stale(path: Path) -> None:
    """Remove what a killed process left of an earlier write of this very file."""
    oldest = time.time() - STALE_AFTER_SECONDS
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(_prefix(path)) and entry.stat().st_mtime < oldest:
                Path(entry.path).unlink(missing_ok=True)


def _replace(temporary: Path, path: Path) -> None:
    """Windows refuses to replace a file that someone is just reading: a moment later it works."""
    for wait in (0.05, 0.1, 0.2, 0.4, None):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if os.name != "nt" or wait is None:
                raise
            time.sleep(wait)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable where the system can (POSIX); a filesystem that cannot is no error."""
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
