"""Disks that are full or may not be written: a sentence, and the last good files as they were."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_world import World

from textual_inversion.core.formats import read_embedding
from textual_inversion.core.record.events import Saved, Stepped, Warned
from textual_inversion.core.record.run_folder import newest_run
from textual_inversion.core.record.state_file import load_state


def _mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@contextmanager
def _small_disk(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    if os.name == "nt" or os.geteuid() != 0 or not _mount(folder, options):
        pytest.skip("mounting a small disk needs a root that may")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def _whole_files(world: World) -> int:
    """Every file that a person or a host would open is whole; how many there are."""
    embeddings = [path for path in world.folder.rglob("*") if path.suffix in (".pt", ".safetensors") and path.is_file()]
    for path in embeddings:
        assert (load_state(path) if path.name == "resume.safetensors" else read_embedding(path)).step is not None
    return len(embeddings)


def test_a_log_disk_that_fills_up_keeps_everything_before_it(world: World) -> None:
    world.create()
    with _small_disk(world.folder / "log", "size=300k"):
        finished = world.train(world.config(steps=400, save_every=1, image_every=5))
        assert (finished.outcome, finished.exit_code) == ("failed", 4)
        assert "the disk is full. Free some space and try again." in finished.message
        assert 1 < finished.step < 400
        run = newest_run(world.folder / "log", "thing")
        assert load_state(run / "resume.safetensors").step >= finished.step - 1
        assert not [path for path in run.rglob("*") if ".tmp-" in path.name]
        assert _whole_files(world) > 3
        # The embedding is on another disk: all steps are in it.
        assert read_embedding(world.host.embeddings_dir / "thing.pt").step == finished.step
        copies = sorted((run / "embeddings").iterdir(), key=lambda path: path.stat().st_mtime)
        for path in copies[:-1]:
            path.unlink()
        resumed = world.train(world.config(steps=finished.step + 3, image_every=0), resume=run)
        assert resumed.outcome == "done"


def test_an_embeddings_disk_that_is_full_keeps_the_old_embedding_and_the_state(world: World) -> None:
    before = world.create().read_bytes()
    (world.host.embeddings_dir / "thing.pt").unlink()
    with _small_disk(world.host.embeddings_dir, "size=16k"):
        made = world.host.embeddings_dir / "thing.pt"
        made.write_bytes(before)
        with pytest.raises(OSError, match="No space left"), (world.host.embeddings_dir / "fill").open("wb") as file:
            file.write(b"x" * 2**20)
        finished = world.train(world.config(steps=5))
        assert (finished.outcome, finished.exit_code) == ("failed", 4)
        assert "the disk is full" in finished.message
        assert made.read_bytes() == before
        run = newest_run(world.folder / "log", "thing")
        assert load_state(run / "resume.safetensors").step == 5


def test_a_read_only_log_directory_is_told_before_the_first_step(world: World) -> None:
    before = world.create().read_bytes()
    with _small_disk(world.folder / "log", "size=1m"):
        _read_only(world.folder / "log")
        finished = world.train()
        assert (finished.outcome, finished.exit_code) == ("failed", 4)
        assert "the disk is read-only. Choose another folder." in finished.message
        assert str(world.folder / "log") in finished.message
    assert not world.of(Stepped)
    assert (world.host.embeddings_dir / "thing.pt").read_bytes() == before
    assert world.host.given_back == 2


def test_a_disk_that_becomes_read_only_ends_with_a_sentence(world: World) -> None:
    world.create()
    with _small_disk(world.folder / "log", "size=1m"):

        def hook(event: object) -> None:
            if isinstance(event, Saved) and event.what == "state" and event.step == 2:
                _read_only(world.folder / "log")

        world.on_event = hook
        finished = world.train(world.config(steps=9, save_every=2))
        assert (finished.outcome, finished.exit_code, finished.step) == ("failed", 4, 4)
        assert "the disk is read-only" in finished.message
        assert load_state(newest_run(world.folder / "log", "thing") / "resume.safetensors").step == 2
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 4


def test_read_only_embeddings_are_told_and_the_run_can_be_resumed(world: World) -> None:
    world.create()
    made = (world.host.embeddings_dir / "thing.pt").read_bytes()
    (world.host.embeddings_dir / "thing.pt").unlink()
    with _small_disk(world.host.embeddings_dir, "size=1m"):
        (world.host.embeddings_dir / "thing.pt").write_bytes(made)
        _read_only(world.host.embeddings_dir)
        finished = world.train(world.config(steps=3))
        assert finished.exit_code == 4
        assert "the disk is read-only" in finished.message
        assert str(world.host.embeddings_dir / "thing.pt") in finished.message
        assert (world.host.embeddings_dir / "thing.pt").read_bytes() == made
    (world.host.embeddings_dir / "thing.pt").write_bytes(made)
    resumed = world.train(world.config(steps=6), resume=newest_run(world.folder / "log", "thing"))
    assert (resumed.outcome, resumed.step) == ("done", 6)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind root")
def test_folders_without_permission_are_told(world: World) -> None:
    world.create()
    log = world.folder / "log"
    log.mkdir(mode=0o500)
    finished = world.train()
    assert finished.exit_code == 4
    assert "may not be written to. Check its permissions" in finished.message


def test_a_pace_that_cannot_be_noted_does_not_fail_a_finished_run(world: World) -> None:
    world.create()

    def hook(event: object) -> None:
        if isinstance(event, Stepped) and event.step == 11:
            (newest_run(world.folder / "log", "thing") / "pace.json").mkdir()

    world.on_event = hook
    finished = world.train(world.config(steps=12))
    assert (finished.outcome, finished.exit_code) == ("done", 0)
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 12
    (told,) = [event.message for event in world.of(Warned) if "pace.json" in event.message]
    assert told.startswith("How long the steps took was not noted for later estimates: Cannot write ")


def test_pictures_that_are_held_by_another_program_end_no_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a program does that copies files to the network: on Windows replacing one is then refused."""
    replace = os.replace

    def held(source: str, target: str) -> None:
        if str(target).endswith(".png"):
            raise PermissionError(13, "Access is denied", str(target))
        replace(source, target)

    world.create()
    monkeypatch.setattr("textual_inversion.core.base.files._replace", held)
    finished = world.train(world.config(steps=4, image_every=2))
    assert (finished.outcome, finished.step) == ("done", 4)
    told = [event.message for event in world.of(Warned)]
    assert sum("The preview at step 2 could not be saved." in each for each in told) == 1
    assert sum("The picture with the embedding of step 4 could not be saved." in each for each in told) == 1
