"""A run that is killed at any moment: every file whole, nothing lost, and the same bits in the end."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

import pytest
import torch
from engine_world import make_world
from killed_run import SETTINGS, go_on
from PIL import Image

from textual_inversion.core.formats import read_embedding
from textual_inversion.core.record import outputs
from textual_inversion.core.record.figures import COLUMNS
from textual_inversion.core.record.run_folder import RunDirectory
from textual_inversion.core.record.state_file import load_state

KILLS = int(os.environ.get("TI_KILLS", "6"))
MOST_RUNS = 3 * KILLS
READABLE = {".pt", ".bin", ".safetensors", ".png", ".webp", ".jxl", ".avif"}


def _new_world(folder: Path) -> Path:
    make_world(folder).create()
    return folder


def _check_every_file(folder: Path) -> set[Path]:
    """Read all that is there; what was being written, which is returned, hides under names that no program reads."""
    torn: set[Path] = set()
    for path in [*(folder / "log").rglob("*"), *(folder / "embeddings").rglob("*")]:
        if path.is_dir():
            continue
        unfinished = ".tmp-" in path.name
        if unfinished:
            torn.add(path)
            assert path.name.startswith(".")
            assert path.suffix.lower() not in READABLE
        else:
            _read(path)
    return torn


def _read(path: Path) -> None:
    if path.name == "run.json":
        assert json.loads(path.read_text())["config"]["name"] == "thing"
    elif path.name == "resume.safetensors":
        assert 0 <= load_state(path).step <= SETTINGS["steps"]
    elif path.suffix == ".csv":
        rows = list(csv.reader(path.read_text().splitlines()))
        assert rows[0] == list(COLUMNS)
        assert all(len(row) == len(COLUMNS) for row in rows)
    elif path.suffix == ".json":
        assert json.loads(path.read_text(encoding="utf-8"))
    elif path.parent.name == "images" or path.name.endswith(".preview.png"):
        with Image.open(path) as picture:
            picture.load()
    else:
        assert read_embedding(path).step is not None


def _vectors(path: Path) -> torch.Tensor:
    return read_embedding(path).vectors["*"]


def _end(folder: Path) -> tuple[torch.Tensor, dict[str, torch.Tensor], str]:
    """The embedding, the copies and the loss table of a world whose run is done."""
    (root,) = (folder / "log").glob("*/*/run.json")
    run = RunDirectory(root.parent, "thing")
    copies = {path.name: _vectors(path) for path in run.copies().values()}
    return _vectors(folder / "embeddings" / "thing.pt"), copies, run.loss_table.read_text()


def _same(
    found: tuple[torch.Tensor, dict[str, torch.Tensor], str],
    expected: tuple[torch.Tensor, dict[str, torch.Tensor], str],
) -> None:
    assert torch.equal(found[0], expected[0])
    assert found[1].keys() == expected[1].keys()
    assert all(torch.equal(found[1][name], expected[1][name]) for name in expected[1])
    assert found[2] == expected[2]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL and fork servers are POSIX")
def test_nothing_is_lost_whenever_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_STATE_EVERY_SECONDS", 0.0)
    whole = _new_world(tmp_path / "whole")
    finished = go_on(whole)
    assert finished is not None
    assert finished.outcome == "done"
    expected = _end(whole)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # older fork servers do not take it over
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["killed_run_preload"])
    moments = random.Random(KILLS)

    def attempt(folder: Path, seconds: float | None) -> tuple[bool, float]:
        """Whether it was killed before its end, and how long it lived."""
        process = processes.Process(target=go_on, args=(folder,))
        began = time.monotonic()
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode != 0, time.monotonic() - began

    attempt(_new_world(tmp_path / "first"), None)  # starts the fork server
    killed, duration = attempt(_new_world(tmp_path / "measured"), None)
    assert not killed

    kills, torn, folder = 0, set[Path](), _new_world(tmp_path / "0")
    for number in range(MOST_RUNS):
        died, _ = attempt(folder, moments.uniform(0.0, duration))
        kills += died
        torn |= _check_every_file(folder)
        # Up to three kills in a row for one run, then it may end.
        if kills % 3 == 0 or not died or kills == KILLS:
            if died:
                finished = go_on(folder)
                assert finished is None or finished.outcome == "done", finished.message
            _check_every_file(folder)
            _same(_end(folder), expected)
            folder = _new_world(tmp_path / str(number + 1))
        if kills == KILLS:
            break
    print(f"{kills} kills, {len(torn)} of them while a file was being written; a run takes {duration:.2f} s")
    assert kills == KILLS
