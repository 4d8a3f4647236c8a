"""The folders of runs."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path

import pytest

from textual_inversion.core.base.errors import InputError, ResourceError
from textual_inversion.core.record.run_folder import (
    RunDirectory,
    new_run_directory,
    newest_run,
    open_run_directory,
    runs_of,
)

DAY = datetime.date(2024, 3, 9)


def _run(log: Path, name: str, *, day: datetime.date = DAY, written: float | None = None) -> RunDirectory:
    run = new_run_directory(log, name, today=day)
    run.plan.write_text(json.dumps({"config": {"name": name}}))
    if written is not None:
        os.utime(run.plan, (written, written))
    return run


def test_the_layout_is_a1111s(tmp_path: Path) -> None:
    run = new_run_directory(tmp_path, "cat", today=DAY)
    assert run.root == tmp_path / "2024-03-09" / "cat"
    assert run.root.is_dir()
    relative = [
        path.relative_to(run.root).as_posix()
        for path in (
            run.copy(500, ".pt"),
            run.image(500),
            run.image(500, 1),
            run.carrier(500),
            run.loss_table,
            run.plan,
        )
    ]
    assert relative == [
        "embeddings/cat-500.pt",
        "images/cat-500.png",
        "images/cat-500-2.png",
        "image_embeddings/cat-500.png",
        "textual_inversion_loss.csv",
        "run.json",
    ]


def test_runs_of_one_day_get_folders_of_their_own(tmp_path: Path) -> None:
    roots = [_run(tmp_path, "cat").root.name for _ in range(3)]
    assert roots == ["cat", "cat-2", "cat-3"]
    assert _run(tmp_path, "cat-2").root.name == "cat-2-2"
    assert new_run_directory(tmp_path, "cat", today=DAY + datetime.timedelta(1)).root.name == "cat"


def test_names_with_dashes_and_digits_are_not_mixed_up(tmp_path: Path) -> None:
    _run(tmp_path, "cat", written=1000)
    _run(tmp_path, "cat", written=2000)  # in the folder cat-2
    other = _run(tmp_path, "cat-2", written=3000)  # in the folder cat-2-2
    assert newest_run(tmp_path, "cat").name == "cat-2"
    assert newest_run(tmp_path, "cat-2") == other.root
    for step in ("5", "40", "300"):
        path = other.copy(int(step), ".pt")
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for stray in ("cat-5.pt", "cat-2-x.pt", "cat-2-٣.pt", "cat-2-7.png", ".cat-2-9.pt.tmp-1-2", "cat-2-.pt"):
        (other.root / "embeddings" / stray).touch()
    assert list(other.copies()) == [5, 40, 300]


def test_a_run_without_copies_has_none(tmp_path: Path) -> None:
    assert _run(tmp_path, "cat").copies() == {}


def test_the_newest_run_is_the_one_written_last(tmp_path: Path) -> None:
    late = _run(tmp_path, "cat", day=DAY, written=5000)
    early = _run(tmp_path, "cat", day=DAY + datetime.timedelta(9), written=4000)
    assert list(runs_of(tmp_path)) == [late.root, early.root]
    early.state.touch()
    os.utime(early.state, (6000, 6000))
    assert newest_run(tmp_path, "cat") == early.root


def test_broken_runs_are_passed_over(tmp_path: Path) -> None:
    good = _run(tmp_path, "cat")
    for content in ("", "{", "[]", "{}", '{"config": 3}', "[" * 100_000):
        (_run(tmp_path, "cat").root / "run.json").write_text(content)
    assert list(runs_of(tmp_path, "cat")) == [good.root]


def test_no_run_is_told_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        newest_run(tmp_path / "log", "cat")
    assert caught.value.message.startswith(
        f"No run of 'cat' was found in {tmp_path / 'log'}. Looked for DATE/cat/run.json"
    )
    assert caught.value.field == "name"


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not the folder of a run: its run.json cannot be read"):
        open_run_directory(tmp_path)


def test_a_log_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(ResourceError, match="a part of the path is a file, not a folder"):
        new_run_directory(tmp_path / "log", "cat")
