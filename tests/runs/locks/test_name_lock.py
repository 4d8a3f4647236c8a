"""One run per name; a dead owner's lock is free at once."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from textual_inversion.core.base.errors import InputError, ResourceError
from textual_inversion.runs.errors import ConflictError
from textual_inversion.runs.locks.name_lock import NameLock

ROOT = Path(__file__).resolve().parents[3]
HOLDS = (
    "import sys; from pathlib import Path; from textual_inversion.runs.locks.name_lock import NameLock\n"
    "with NameLock(Path(sys.argv[1]), 'cat'):\n"
    "    print('held', flush=True); sys.stdin.read()"
)


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock of 'cat'."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "held"
        yield process
        process.kill()


def left(folder: Path) -> list[str]:
    """Files that are there for one name."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".cat"))


def test_a_file_says_who_holds_it_and_all_goes_with_the_lock(tmp_path: Path) -> None:
    with NameLock(tmp_path, "cat") as lock:
        owner = json.loads(lock.path.with_name(".cat.lock.json").read_text())
        assert owner == {"pid": os.getpid(), "host": platform.node()}
        NameLock(tmp_path, "dog").acquire()
    assert left(tmp_path) == []


def test_a_second_taker_is_refused(tmp_path: Path) -> None:
    with NameLock(tmp_path, "cat"), pytest.raises(ConflictError, match="'cat' is being trained already") as caught:
        NameLock(tmp_path, "cat").acquire()
    assert caught.value.field == "name"


def test_the_halves_of_a_pair_are_not_trained_at_once(tmp_path: Path) -> None:
    with NameLock(tmp_path, "cat"), pytest.raises(ConflictError):
        NameLock(tmp_path, "cat-neg").acquire()


def test_it_may_be_given_back_by_another_thread(tmp_path: Path) -> None:
    lock = NameLock(tmp_path, "cat")
    lock.acquire()
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    NameLock(tmp_path, "cat").acquire()


def test_another_process_is_named_and_its_lock_is_free_the_moment_it_is_killed(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as other:
        with pytest.raises(ConflictError, match=rf"by another program \(process {other.pid}\)"):
            NameLock(tmp_path, "cat").acquire()
        other.kill()
        other.wait(30)
        assert left(tmp_path) == [".cat.lock", ".cat.lock.json"]
        with NameLock(tmp_path, "cat"):
            assert json.loads((tmp_path / ".cat.lock.json").read_text())["pid"] == os.getpid()
    assert left(tmp_path) == []


def test_a_lock_that_is_not_ours_is_not_given_back(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path):
        NameLock(tmp_path, "cat").release()
        with pytest.raises(ConflictError):
            NameLock(tmp_path, "cat").acquire()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        *((rubbish, "in use by another run") for rubbish in ("", "{", "[]", '{"pid": 1}', "[" * 100_000)),
        ('{"pid": 7, "host": "elsewhere"}', r"on the computer elsewhere \(process 7\)"),
    ],
)
def test_whatever_the_file_beside_it_says_the_lock_is_held(tmp_path: Path, content: str, words: str) -> None:
    with NameLock(tmp_path, "cat"):
        (tmp_path / ".cat.lock.json").write_text(content)
        with pytest.raises(ConflictError, match=words):
            NameLock(tmp_path, "cat").acquire()
    (tmp_path / ".cat.lock.json").write_text(content)
    NameLock(tmp_path, "cat").acquire()


def test_a_file_that_cannot_be_removed_holds_nobody_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = NameLock(tmp_path, "cat")
    lock.acquire()
    with monkeypatch.context() as busy:
        busy.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError("in use")))
        lock.release()
    assert lock.path.exists()
    NameLock(tmp_path, "cat").acquire()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="a part of the path is a file"):
        NameLock(tmp_path / "file" / "embeddings", "cat").acquire()


def test_bad_names(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        NameLock(tmp_path, "../cat")


def test_of_many_who_come_at_once_one_gets_it(tmp_path: Path) -> None:
    for _ in range(5):
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
        assert left(tmp_path) == []


def test_processes_that_take_turns_never_have_it_together(tmp_path: Path) -> None:
    """Each adds to a number that is right only if nobody else has the lock meanwhile."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from textual_inversion.runs.errors import ConflictError\n"
        "from textual_inversion.runs.locks.name_lock import NameLock\n"
        "folder, done = Path(sys.argv[1]), 0\n"
        "while done < 15:\n"
        "    try:\n"
        "        with NameLock(folder, 'cat'):\n"
        "            number = int((folder / 'n').read_text()); time.sleep(0.002)\n"
        "            (folder / 'n').write_text(str(number + 1)); done += 1\n"
        "    except ConflictError: time.sleep(0.001)\n"
    )
    (tmp_path / "n").write_text("0")
    others = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) for _ in range(3)]
    assert [other.wait(120) for other in others] == [0, 0, 0]
    assert (tmp_path / "n").read_text() == "45"
    assert left(tmp_path) == []
