from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from textual_inversion.core.base.errors import InputError
from textual_inversion.runs.errors import ConflictError
from textual_inversion.runs.locks.name_lock import NameLock


def write_owner(folder: Path, **changes: object) -> Path:
    started = psutil.Process(os.getpid()).create_time()
    owner = {"pid": os.getpid(), "host": platform.node(), "started": started, "token": "theirs", **changes}
    path = folder / ".cat.lock"
    path.write_text(json.dumps(owner))
    return path


def test_the_file_says_who_holds_it_and_goes_with_the_lock(tmp_path: Path) -> None:
    with NameLock(tmp_path, "cat") as lock:
        owner = json.loads(lock.path.read_text())
        assert (owner["pid"], owner["host"]) == (os.getpid(), platform.node())
        NameLock(tmp_path, "dog").acquire()
    assert not lock.path.exists()


def test_a_second_taker_is_refused(tmp_path: Path) -> None:
    with NameLock(tmp_path, "cat"), pytest.raises(ConflictError, match="'cat' is being trained already"):
        NameLock(tmp_path, "cat").acquire()


def test_the_halves_of_a_pair_are_not_trained_at_once(tmp_path: Path) -> None:
    with NameLock(tmp_path, "cat"), pytest.raises(ConflictError):
        NameLock(tmp_path, "cat-neg").acquire()


def test_another_living_process_is_named(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        write_owner(tmp_path, pid=other.pid, started=psutil.Process(other.pid).create_time())
        with pytest.raises(ConflictError, match=rf"another program \(process {other.pid}\)"):
            NameLock(tmp_path, "cat").acquire()
        other.communicate(b"\n")
    NameLock(tmp_path, "cat").acquire()


def test_the_pid_of_a_dead_owner_given_to_another_process_does_not_count(tmp_path: Path) -> None:
    write_owner(tmp_path, started=psutil.Process(os.getpid()).create_time() - 5000)
    NameLock(tmp_path, "cat").acquire()


def test_another_computer_is_believed(tmp_path: Path) -> None:
    path = write_owner(tmp_path, host="elsewhere", pid=7)
    with pytest.raises(ConflictError, match=r"on the computer elsewhere \(process 7\).*delete") as caught:
        NameLock(tmp_path, "cat").acquire()
    assert str(path) in caught.value.message


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_rubbish_counts_once_it_is_old(tmp_path: Path, content: str) -> None:
    path = tmp_path / ".cat.lock"
    path.write_text(content)
    old = time.time() - 60
    os.utime(path, (old, old))
    NameLock(tmp_path, "cat").acquire()
    assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("pid", [True, -1, "1", None, 2**31 - 1])
def test_no_such_process(tmp_path: Path, pid: object) -> None:
    write_owner(tmp_path, pid=pid)
    NameLock(tmp_path, "cat").acquire()


def test_a_half_written_file_is_left_to_its_writer(tmp_path: Path) -> None:
    (tmp_path / ".cat.lock").write_text("")
    with pytest.raises(ConflictError, match="in use by another run"):
        NameLock(tmp_path, "cat").acquire()


def test_release_leaves_what_is_not_ours(tmp_path: Path) -> None:
    lock = NameLock(tmp_path, "cat")
    lock.acquire()
    path = write_owner(tmp_path)
    lock.release()
    assert path.exists()


def test_a_file_that_cannot_be_removed_just_then_holds_nobody_off_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = NameLock(tmp_path, "cat")
    lock.acquire()
    with monkeypatch.context() as busy:
        busy.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError("in use")))
        lock.release()
    os.utime(lock.path, (0, 0))
    NameLock(tmp_path, "cat").acquire()


def test_bad_names(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        NameLock(tmp_path, "../cat")


def test_of_many_who_come_for_a_dead_owners_lock_one_gets_it(tmp_path: Path) -> None:
    for _ in range(20):
        write_owner(tmp_path, started=1.0)
        start, got = threading.Barrier(8), []

        def take(start: threading.Barrier = start, got: list[NameLock] = got) -> None:
            lock = NameLock(tmp_path, "cat")
            start.wait()
            try:
                lock.acquire()
            except ConflictError:
                return
            got.append(lock)

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1
        got[0].release()
        assert not list(tmp_path.iterdir())
