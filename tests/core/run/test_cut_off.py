"""Runs that something outside takes the ground from: a kill in a preview, a deleted folder, a damaged table, a full disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from engine_world import World, make_world, run_folder

from textual_inversion.core.base.errors import ResourceError
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.record.events import Event, Previewed, Saved, Stepped
from textual_inversion.core.record.loss_table import LossTable

SETTINGS = {"steps": 8, "save_every": 2, "image_every": 4, "png_embedding": True}


class Killed(BaseException):
    """Passes everything that handles errors."""


def pictures(world: World) -> dict[str, bytes]:
    root = run_folder(world).root
    found = [*root.glob("images/*.png"), *root.glob("image_embeddings/*.png")]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(found)}


def killed_before_the_preview_of(step: int, world: World) -> None:
    def kill(event: Event) -> None:
        if isinstance(event, Saved) and event.what == "state" and event.step == step:
            raise Killed

    world.on_event = kill
    with pytest.raises(Killed):
        world.train(world.config(**SETTINGS))
    world.on_event = lambda _: None
    world.events.clear()


def test_a_preview_that_a_kill_cut_off_is_made_on_resume(tmp_path: Path) -> None:
    undisturbed, world = (make_world(tmp_path / name) for name in ("undisturbed", "killed"))
    for each in (undisturbed, world):
        each.create()
    undisturbed.train(undisturbed.config(**SETTINGS))
    killed_before_the_preview_of(4, world)
    assert pictures(world) == {}
    finished = world.train(world.config(**SETTINGS), resume=run_folder(world).root)
    assert finished.outcome == "done"
    assert [event.step for event in world.of(Previewed)] == [4, 8]
    assert {"images/thing-4.png", "image_embeddings/thing-4.png"} <= pictures(world).keys()
    assert pictures(world) == pictures(undisturbed)


def test_a_carrier_alone_that_is_missing_is_made_too(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create()
    world.train(world.config(**{**SETTINGS, "steps": 4}))
    carrier = run_folder(world).carrier(4)
    before = carrier.read_bytes()
    carrier.unlink()
    world.train(world.config(**SETTINGS), resume=run_folder(world).root)
    assert carrier.read_bytes() == before


def test_a_preview_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create()
    world.train(world.config(**{**SETTINGS, "steps": 4}))
    world.events.clear()
    world.train(world.config(**SETTINGS), resume=run_folder(world).root)
    assert [event.step for event in world.of(Previewed)] == [8]


def test_a_run_from_a_kept_step_makes_no_preview_of_it(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create()
    world.train(world.config(**SETTINGS))
    world.events.clear()
    world.train(world.config(**{**SETTINGS, "steps": 10}), resume=run_folder(world).root, from_step=4)
    assert [event.step for event in world.of(Previewed)] == [8, 10]


@pytest.mark.parametrize("settings", [{}, {"save_every": 1}, {"csv_every": 1, "image_every": 1}])
def test_a_folder_that_is_deleted_ends_the_run_with_a_sentence_and_it_can_be_resumed(
    tmp_path: Path, settings: dict[str, int]
) -> None:
    world = make_world(tmp_path)
    world.create()

    def delete(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == 5:
            shutil.rmtree(run_folder(world).root)

    world.on_event = delete
    config = world.config(steps=12, **settings)
    finished = world.train(config)
    assert (finished.outcome, finished.exit_code, finished.step) == ("failed", 4, 5)
    assert "is not there any more: it was moved or deleted" in finished.message
    assert "fault" not in finished.message
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 5
    world.on_event = lambda _: None
    resumed = world.train(config, resume=Path(finished.run_dir))
    assert (resumed.outcome, resumed.step) == ("done", 12)


def test_a_resume_that_cannot_be_written_stands_where_the_run_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(tmp_path)
    world.create()
    world.train(world.config(steps=6))
    folder = run_folder(world).root

    def full(self: LossTable, step: int) -> None:
        raise ResourceError(f"Cannot write {self.path}: the disk is full.")

    monkeypatch.setattr(LossTable, "cut", full)
    finished = world.train(world.config(steps=9), resume=folder)
    assert (finished.outcome, finished.step, finished.run_dir) == ("failed", 6, str(folder))


@pytest.mark.parametrize("cell", ["9" * 5000, "٣", "1_0", ""])
def test_a_damaged_table_is_no_fault(tmp_path: Path, cell: str) -> None:
    world = make_world(tmp_path)
    world.create()
    world.train(world.config(steps=3, save_every=1))
    table = run_folder(world).loss_table
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join([*lines, cell + lines[-1][lines[-1].index(",") :]]))
    finished = world.train(world.config(steps=4, save_every=1), resume=run_folder(world).root)
    assert finished.outcome == "done"
    steps = [line.split(",")[0] for line in table.read_text().splitlines()[1:]]
    assert steps == [*(line.split(",")[0] for line in lines[1:]), "4"]
