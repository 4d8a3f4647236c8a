"""How runs end when they do not simply come to their end, and what is kept then."""

from __future__ import annotations

import errno
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from engine_world import World, run_folder, vectors_of

from textual_inversion.core.formats import read_embedding
from textual_inversion.core.record.events import RolledBack, Saved, Stepped
from textual_inversion.core.record.run_folder import RunDirectory
from textual_inversion.core.record.state_file import load_state
from textual_inversion.core.update.state import RunState


def test_an_interrupt_keeps_everything(world: World) -> None:
    world.create()
    world.on_event = lambda event: world.control.interrupt() if isinstance(event, Stepped) and event.step == 4 else None
    finished = world.train(world.config(steps=50))
    assert (finished.outcome, finished.step, finished.exit_code) == ("interrupted", 4, 130)
    assert read_embedding(Path(finished.embedding)).step == 4
    assert load_state(Path(finished.run_dir) / "resume.safetensors").step == 4


def test_nan_goes_back_once_with_a_lower_rate(world: World) -> None:
    world.create()
    world.host.leased.nan_at = {26}
    finished = world.train(world.config(steps=40))
    (rollback,) = world.of(RolledBack)
    assert (rollback.step, rollback.to_step) == (26, 10)
    assert rollback.reason == "the loss became nan"
    assert finished.outcome == "done"
    assert finished.step == 40
    rates = {event.step: event.learn_rate for event in world.of(Stepped)}
    assert rates[11] == pytest.approx(0.001)
    assert math.isfinite(float(vectors_of(finished.embedding).sum()))


def test_files_and_bests_of_steps_that_were_taken_back_do_not_pass_for_real_ones(world: World) -> None:
    world.create()
    world.host.leased.nan_at = {27}
    best: list[int | None] = []
    world.on_event = lambda event: (
        best.append(load_state(run_folder(world).state).best_step)
        if isinstance(event, Saved) and event.what == "state" and world.of(RolledBack) and not best
        else None
    )
    finished = world.train(
        world.config(steps=22, save_every=4, image_every=6, evaluate_every=2, evaluate_samples=1, learning_rate="0.01")
    )
    (rollback,) = world.of(RolledBack)
    run = RunDirectory(Path(finished.run_dir), "thing")
    taken = {step for step in (4, 8, 12, 16, 20) if step > rollback.to_step and step < rollback.step}
    assert taken
    assert {Path(path).name for path in rollback.undone if path.endswith(".pt")} == {f"thing-{s}.pt" for s in taken}
    assert all(Path(path).parent.parent == run.root / "undone" and Path(path).is_file() for path in rollback.undone)
    assert {Path(path).parent.name for path in rollback.undone} == {"embeddings", "images", "image_embeddings"}
    assert best[0] is not None
    assert best[0] <= rollback.to_step
    assert {event.step for event in world.of(Saved)} >= taken
    assert list(run.copies()) == [4, 8, 12, 16, 20], "made again by the steps that were really done"


def test_nan_at_once_after_resuming_names_the_earlier_copies(world: World) -> None:
    world.create()
    stopped = world.train(world.config(steps=15, save_every=5))
    world.host.leased.nan_at = set(range(1, 1000))
    world.host.leased.predictions = 0
    finished = world.train(world.config(steps=30), resume=Path(stopped.run_dir))
    assert (finished.exit_code, finished.step) == (3, 15)
    assert finished.message.endswith("Or continue from an earlier step; copies were kept of 5, 10.")


def test_nan_again_stops_and_says_why(world: World) -> None:
    world.create()
    world.host.leased.nan_at = set(range(26, 1000))
    finished = world.train(world.config(steps=40))
    assert (finished.outcome, finished.exit_code) == ("failed", 3)
    assert "the loss became nan, again after going back once" in finished.message
    assert "ten times lower" in finished.message
    kept = read_embedding(Path(finished.embedding))
    assert kept.step == 10
    assert bool(next(iter(kept.vectors.values())).isfinite().all())


def test_nan_from_the_very_first_step_leaves_the_embedding_alone(world: World) -> None:
    made = world.create()
    before = made.read_bytes()
    world.host.leased.nan_at = set(range(1, 1000))
    finished = world.train()
    assert finished.exit_code == 3
    assert made.read_bytes() == before


def test_out_of_memory_after_everything_was_tried_is_told_with_advice_and_keeps_the_steps(world: World) -> None:
    world.create()
    memory = torch.cuda.OutOfMemoryError("CUDA out of memory")
    world.host.leased.fails_at = dict.fromkeys(range(6, 9), memory)
    finished = world.train(world.config(batch_size=2))
    assert (finished.outcome, finished.exit_code, finished.step) == ("failed", 4, 5)
    assert finished.message == (
        "Out of memory at 64x64, with one picture at a time and all of the U-Net computed again. Train at a smaller width and height, "
        "or close other programs that use the graphics card. Everything trained so far was kept."
    )
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 5
    assert world.host.given_back == 2


def test_a_fault_of_ours_is_said_to_be_one(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.create()
    world.host.leased.fails_at = {3: ZeroDivisionError("oops")}
    finished = world.train()
    assert finished.exit_code == 1
    assert "a fault of this program: ZeroDivisionError: oops" in finished.message
    assert "Traceback" in capsys.readouterr().err
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 2


def test_a_run_whose_checkpoint_came_back_is_resumed_and_another_one_is_refused(world: World) -> None:
    world.create()
    world.on_event = lambda event: setattr(world.host.leased, "lost", isinstance(event, Stepped) and event.step == 3)
    stopped = world.train()
    own = world.host.leased.checkpoint
    world.host.leased.checkpoint = replace(own, name="other", sha256="f" * 64)
    refused = world.train(resume=Path(stopped.run_dir))
    assert (refused.outcome, refused.exit_code) == ("failed", 2)
    assert (
        "was trained on the checkpoint fake [0123456789]; loaded is other [ffffffffff]. Load the first"
        in refused.message
    )
    world.host.leased.checkpoint = own
    assert world.train(resume=Path(stopped.run_dir)).outcome == "done"


def test_another_checkpoint_in_the_middle_saves_and_stops(world: World) -> None:
    world.create()

    def lose(event: object) -> None:
        if isinstance(event, Stepped) and event.step == 3:
            world.host.leased.lost = True

    world.on_event = lose
    finished = world.train()
    assert (finished.outcome, finished.exit_code, finished.cause) == ("interrupted", 130, "checkpoint")
    assert finished.message.startswith("Stopped and saved at 3 steps. Another checkpoint was loaded")
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 3


def test_a_full_disk_ends_in_a_message_and_the_embedding_is_still_saved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create()
    from textual_inversion.core.base import files

    original = files.os.fsync
    log = str(world.folder / "log")

    def full(handle: int) -> None:
        target = Path(f"/proc/self/fd/{handle}")
        if target.exists() and str(target.resolve()).startswith(log) and "thing-4" in str(target.resolve()):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(handle)

    monkeypatch.setattr(files.os, "fsync", full)
    finished = world.train(world.config(save_every=4))
    assert (finished.outcome, finished.exit_code) == ("failed", 4)
    assert "the disk is full" in finished.message
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 4
    assert not [path for path in Path(finished.run_dir).rglob("*") if ".tmp-" in path.name]


def test_after_going_back_a_kill_does_not_bring_the_bad_steps_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state on the disk may be of a step that was taken back."""
    world.create()
    world.host.leased.nan_at = {26}
    kept: list[RunState] = []
    world.on_event = lambda event: (
        kept.append(load_state(run_folder(world).state)) if isinstance(event, Stepped) and event.step == 11 else None
    )
    world.train(world.config(steps=40, save_every=5))
    assert [(state.step, state.rolled_back, state.rate_scale) for state in kept] == [(10, False, 1.0), (10, True, 0.1)]
