"""What the folder of an earlier run tells, and a run of its own that continues from one of its steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_world import World, make_world

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.errors import ConflictError
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.history.from_disk import events_of
from textual_inversion.runs.manager import RunManager


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.create()
    return world


def manager_of(world: World) -> RunManager:
    return RunManager(world.host, FifoGate(), log_dirs=[world.folder / "log"])


def ran(world: World, **settings: object) -> tuple[Path, TrainConfig]:
    config = world.config(
        **{"steps": 20, "save_every": 5, "image_every": 10, "evaluate_every": 10, "csv_every": 1, "auto_stop": False}
        | settings
    )
    return Path(world.train(config).run_dir), config


def steps(events: list[dict], kind: str) -> list[int]:
    return [event["step"] for event in events if event["event"] == kind]


def test_a_run_on_disk_has_its_curves_previews_and_copies(world: World) -> None:
    folder, _ = ran(world)
    manager = manager_of(world)
    (run,) = manager.runs()
    answer = manager.events(run["id"])
    events = answer["events"]
    assert events[0]["event"] == "prepared"
    assert (events[0]["pictures"], events[0]["vectors"], events[0]["total_steps"]) == (3, 2, 20)
    assert steps(events, "step") == list(range(1, 21))
    assert steps(events, "evaluated") == [10, 20]
    assert [event["step"] for event in events if event.get("what") == "copy"] == [5, 10, 15, 20]
    preview = next(event for event in events if event["event"] == "preview")
    assert preview["infotext"]
    assert manager.picture(run["id"], preview["number"]) == folder.resolve() / "images" / "thing-10.png"
    assert (answer["run"]["state"], answer["run"]["step"], answer["run"]["best_step"]) == ("resumable", 20, 20)
    assert answer["run"]["smooth_loss"] is not None
    assert manager.events(run["id"], events[-1]["number"])["events"] == []


def test_rubbish_in_the_folder_tells_nothing_and_is_no_fault(world: World) -> None:
    folder, _ = ran(world)
    (folder / "images" / "thing-15.png").write_bytes(b"rubbish")
    (folder / "images" / "thing-x.png").write_bytes(b"")
    table = folder / "textual_inversion_loss.csv"
    table.write_text(table.read_text() + "21,x,,nan,,,,,,,\nstep\n\0\n99999999999999999999,1,1,1,1\n")
    told = events_of(folder)
    assert [event.step for event in told if event.kind == "step"] == list(range(1, 22))
    assert [event.infotext == "" for event in told if event.kind == "preview"] == [False, True, False]
    assert events_of(folder.parent) == []


def test_resumed_its_curves_go_on(world: World) -> None:
    ran(world)
    manager = manager_of(world)
    run = manager.runs()[0]["id"]
    assert manager.resume(run, steps=25, settle=20) == run
    manager.run(run).join(20)
    assert steps(manager.events(run)["events"], "step") == list(range(1, 26))


def test_continuing_from_a_step_is_a_run_of_its_own(world: World) -> None:
    folder, _ = ran(world)
    manager = manager_of(world)
    run = manager.runs()[0]["id"]
    new = manager.resume(run, from_step=10, steps=15, settle=20)
    assert new != run
    manager.run(new).join(20)
    answer = manager.events(new)
    assert steps(answer["events"], "step") == list(range(1, 16))
    assert [event["step"] for event in answer["events"] if event.get("what") == "copy"] == [15]
    assert Path(answer["run"]["run_dir"]) == folder.with_name("thing-2")
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 15
    for event in answer["events"]:
        if event["event"] == "preview":
            assert manager.picture(new, event["number"]).is_file()
    assert {entry["run_dir"] for entry in manager.runs()} == {str(folder), str(folder.with_name("thing-2"))}


def test_using_a_step_of_a_run_on_disk_and_of_one_that_ended_here(world: World) -> None:
    ran(world)
    manager = manager_of(world)
    run = manager.runs()[0]["id"]
    assert manager.use_step(run, 5).step == 5
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 5
    with pytest.raises(InputError, match="No copy of step 7"):
        manager.use_step(run, 7)
    manager.resume(run, steps=21, settle=20)
    manager.run(run).join(20)
    manager.use_step(run, 10)
    assert manager.describe(run)["used_step"] == 10
    assert not list(world.host.embeddings_dir.glob(".thing*"))


def test_a_run_that_goes_on_is_stopped_first_or_left_alone(world: World) -> None:
    config = world.config(steps=100_000, save_every=5)
    manager = manager_of(world)
    run = manager.start(config, settle=20)
    while manager.describe(run)["step"] < 6:
        manager.run(run).join(0.01)
    with pytest.raises(ConflictError, match="its end would replace the step you choose") as caught:
        manager.use_step(run, 5)
    assert caught.value.field == "stop"
    assert manager.describe(run)["state"] == "running"
    with pytest.raises(InputError, match="No copy of step 3 was kept"):
        manager.use_step(run, 3, stop=True)
    assert manager.describe(run)["state"] == "running", "not stopped for nothing"
    manager.use_step(run, 5, stop=True)
    assert manager.describe(run)["state"] == "interrupted"
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 5
    assert manager.describe(run)["used_step"] == 5


def test_what_a_run_would_refuse_is_refused_at_once(world: World) -> None:
    _, config = ran(world)
    manager = manager_of(world)
    for bad, field in ((config, "steps"), (config.replace(steps=30, template="none such"), "template")):
        with pytest.raises(InputError) as caught:
            manager.start(bad)
        assert caught.value.field == field
    with pytest.raises(InputError) as caught:
        manager.resume(manager.runs()[0]["id"])
    assert caught.value.field == "steps"
    assert world.host.given_back == 2, "the model was not asked for"
