"""A file is written whole or not at all, and a disk that fails gets a sentence."""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from pathlib import Path

import pytest

from textual_inversion.core.base.errors import ResourceError
from textual_inversion.core.base.files import atomic_write, write_bytes, write_json, write_text


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "cat.pt"
    write_bytes(path, b"one")
    write_text(path, "zwölf")
    assert path.read_bytes() == "zwölf".encode()
    write_json(path, {"name": "猫"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"name": "猫"}
    assert _names(path.parent) == {"cat.pt"}


def test_until_the_end_the_old_file_stands_and_no_host_sees_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "cat.pt"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        (temporary,) = _names(tmp_path) - {"cat.pt"}
        assert temporary.startswith(".")
        assert os.path.splitext(temporary)[1] not in {".pt", ".bin", ".safetensors", ".png", ".webp", ".jxl", ".avif"}
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), OSError(errno.ENOENT, "elsewhere")])
def test_an_error_inside_leaves_everything_as_it_was(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "cat.pt"
    path.write_bytes(b"old")

    def write() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)) as caught:
        write()
    assert caught.value is error
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == {"cat.pt"}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not be written"),
        (errno.EPERM, "may not be written"),
        (errno.EIO, "reported an error"),
    ],
)
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failing_disk(
    tmp_path: Path, number: int, words: str, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cat.pt"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail) if function == "fsync" else patched.setattr(Path, "replace", fail)
        with pytest.raises(ResourceError, match=words) as caught:
            write_bytes(path, b"new")
    assert str(path) in caught.value.message
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == {"cat.pt"}


@pytest.mark.skipif(os.name == "nt", reason="permissions of folders are another thing on Windows")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(ResourceError, match="may not be written"):
            write_bytes(tmp_path / "cat.pt", b"new")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResourceError, match="a part of the path is a file"):
        write_bytes(tmp_path / "file" / "cat.pt", b"")
    with pytest.raises(ResourceError, match="too long"):
        write_bytes(tmp_path / ("x" * 300), b"")
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(ResourceError, match=r"folder of that name|may not be written"):
        write_bytes(tmp_path / "folder.pt", b"")
    assert _names(tmp_path) == {"file", "folder.pt"}


def test_the_longest_legal_names_are_written(tmp_path: Path) -> None:
    for name in ("x" * 250 + ".pt", "猫" * 80 + ".pt"):
        write_bytes(tmp_path / name, b"new")
        assert (tmp_path / name).read_bytes() == b"new"


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    old = time.time() - 3600
    for name in (".cat.pt.tmp-99-1", ".dog.pt.tmp-99-1", "cat.pt.tmp-99-1"):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (old, old))
    (tmp_path / ".cat.pt.tmp-100-1").write_bytes(b"being written")
    write_bytes(tmp_path / "cat.pt", b"new")
    assert _names(tmp_path) == {"cat.pt", ".dog.pt.tmp-99-1", "cat.pt.tmp-99-1", ".cat.pt.tmp-100-1"}


def test_a_place_where_no_folder_can_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drive letter that is not there (Windows), or /proc."""

    def no_drive(self: Path, *_: object, **__: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "The system cannot find the path specified", str(self))

    monkeypatch.setattr(Path, "mkdir", no_drive)
    with pytest.raises(ResourceError, match="Cannot make the folder .*nowhere: the drive"):
        write_bytes(tmp_path / "nowhere" / "a.txt", b"")
