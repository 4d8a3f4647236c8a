"""Runs take turns; what waits is kept on disk, and no two programs start the same."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fake_training import FakeHost, FakeTraining, wait_for

from textual_inversion.core.base.errors import InputError, ResourceError
from textual_inversion.core.record.events import Finished
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs import queue_file
from textual_inversion.runs.errors import ConflictError, UnknownRunError
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.runs.queue import RunQueue
from textual_inversion.runs.queue_file import QueuedRun


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "queue.json"


@pytest.fixture
def manager(host: FakeHost, training: FakeTraining, path: Path):
    manager = RunManager(host, FifoGate(), train=training, queue_file=path, log_dirs=[path.parent])
    yield manager
    manager.close(5)


def restarted(manager: RunManager, host: FakeHost, path: Path, **options: object) -> RunManager:
    """Another process with the same folders, after this one has ended."""
    manager.close(5)
    return RunManager(
        host, FifoGate(), **{"train": FakeTraining(), "queue_file": path, "log_dirs": [path.parent], **options}
    )


def state(manager: RunManager, run: str) -> str:
    return manager.describe(run)["state"]


def line(manager: RunManager) -> list[tuple[str, int | None]]:
    """Names and places of those who wait, in order."""
    waiting = [run for run in manager.runs() if run.get("place")]
    return [(run["name"], run["place"]) for run in sorted(waiting, key=lambda run: run["place"])]


def queued(manager: RunManager, config: TrainConfig, *names: str, steps: int = 3) -> list[str]:
    return [manager.start(config.replace(name=name, steps=steps)) for name in names]


def test_the_second_waits_and_begins_when_the_first_has_ended(
    manager: RunManager, config: TrainConfig, path: Path
) -> None:
    first = manager.start(config)
    second, third = queued(manager, config, "dog", "emu")
    assert line(manager) == [("dog", 1), ("emu", 2)]
    assert [entry["settings"]["name"] for entry in json.loads(path.read_text())["runs"]] == ["dog", "emu"]
    manager.interrupt(first)
    wait_for(lambda: state(manager, third) == "done")
    assert state(manager, second) == "done"
    assert json.loads(path.read_text())["runs"] == []


def test_it_goes_on_after_a_run_that_failed(host: FakeHost, config: TrainConfig, path: Path) -> None:
    training, hold = FakeTraining(), threading.Event()

    def breaks(config: TrainConfig, *given: object, **named: object) -> Finished:
        hold.wait(10)
        if config.name == "dog":
            raise RuntimeError("broken")
        return training(config, *given, **named)

    manager = RunManager(host, FifoGate(), train=breaks, queue_file=path)
    manager.start(config.replace(steps=2), settle=0)
    dog, emu = queued(manager, config, "dog", "emu")
    hold.set()
    wait_for(lambda: state(manager, emu) == "done")
    assert state(manager, dog) == "failed"


def test_settings_are_checked_when_a_run_is_queued(host: FakeHost, config: TrainConfig, training: FakeTraining) -> None:
    def check(config: TrainConfig, _host: object, **_: object) -> None:
        if config.template == "bad":
            raise InputError("No such template.", field="template")

    manager = RunManager(host, FifoGate(), train=training, check=check)
    manager.start(config)
    with pytest.raises(InputError, match="No such template") as caught:
        manager.start(config.replace(name="dog", template="bad"))
    assert caught.value.field == "template"
    assert line(manager) == []
    assert not (host.embeddings_dir / ".dog.lock").exists()
    manager.close(5)


def test_moving_removing_and_starting_next(manager: RunManager, config: TrainConfig, host: FakeHost) -> None:
    first = manager.start(config)
    dog, _, fox = queued(manager, config, "dog", "emu", "fox")
    manager.move(fox, 1)
    assert line(manager) == [("fox", 1), ("dog", 2), ("emu", 3)]
    manager.move(fox, 2)
    assert line(manager) == [("dog", 1), ("fox", 2), ("emu", 3)]
    manager.move(dog, 99)
    assert line(manager) == [("fox", 1), ("emu", 2), ("dog", 3)]
    manager.start_queued(dog)
    assert line(manager) == [("dog", 1), ("fox", 2), ("emu", 3)]
    manager.interrupt(fox)
    assert line(manager) == [("dog", 1), ("emu", 2)]
    assert state(manager, fox) == "interrupted"
    assert not (host.embeddings_dir / ".fox.lock").exists()
    with pytest.raises(ConflictError, match="'cat' is not waiting in the queue: it is running"):
        manager.move(first, 1)
    with pytest.raises(UnknownRunError):
        manager.move("nope", 1)
    with pytest.raises(ConflictError, match="'dog' waits in the queue already") as caught:
        manager.start(config.replace(name="dog"))
    assert caught.value.field == "name"


def test_a_pause_keeps_the_model_free_and_resuming_comes_first(manager: RunManager, config: TrainConfig) -> None:
    first = manager.start(config)
    (dog,) = queued(manager, config, "dog")
    manager.pause(first)
    wait_for(lambda: state(manager, first) == "paused")
    assert manager.describe(dog)["note"] == "Waits while 'cat' is paused."
    with manager.borrow():
        pass
    manager.resume(first)
    assert state(manager, dog) == "waiting"
    manager.pause(first)
    wait_for(lambda: state(manager, first) == "paused")
    manager.interrupt(first)
    wait_for(lambda: state(manager, dog) == "done")


def test_started_by_hand_it_does_not_wait_for_a_paused_one(manager: RunManager, config: TrainConfig) -> None:
    first = manager.start(config)
    (dog,) = queued(manager, config, "dog")
    manager.pause(first)
    wait_for(lambda: state(manager, first) == "paused")
    manager.start_queued(dog)
    wait_for(lambda: state(manager, dog) == "done")
    assert state(manager, first) == "paused"


def test_a_changed_checkpoint_holds_the_queue_until_a_person_has_looked(
    host: FakeHost, config: TrainConfig, path: Path
) -> None:
    training, go = FakeTraining(), threading.Event()

    def changed(config: TrainConfig, *given: object, emit, **named: object) -> Finished:
        if config.name != "cat":
            return training(config, *given, emit=emit, **named)
        go.wait(10)
        end = Finished(
            outcome="interrupted", message="Another checkpoint was chosen.", step=3, best_step=None, embedding="",
            run_dir="", files=(), exit_code=130, cause="checkpoint",
        )  # fmt: skip
        emit(end)
        return end

    manager = RunManager(host, FifoGate(), train=changed, queue_file=path)
    first = manager.start(config, settle=0)
    (dog,) = queued(manager, config, "dog")
    go.set()
    wait_for(lambda: state(manager, first) == "interrupted")
    wait_for(lambda: manager.describe(dog)["note"])
    assert manager.describe(dog)["note"] == "Waits, because the checkpoint was changed while 'cat' was trained."
    manager.start(config.replace(name="emu", steps=2))
    wait_for(lambda: state(manager, dog) == "done")


def test_after_a_restart_it_is_found_and_starts_only_when_told(
    manager: RunManager, config: TrainConfig, host: FakeHost, path: Path
) -> None:
    manager.start(config)
    dog, emu = queued(manager, config, "dog", "emu")
    later = restarted(manager, host, path)
    later.begin()
    held = [run for run in later.runs() if run["state"] == "held"]
    assert [(run["name"], run["total_steps"], run["note"]) for run in held] == [
        ("dog", 3, "Queued before the restart."),
        ("emu", 3, "Queued before the restart."),
    ]
    assert later.describe(dog)["config"]["name"] == "dog"
    assert later.events(dog)["events"] == []
    with pytest.raises(ConflictError, match="'dog' has not begun. Start it first"):
        later.pause(dog)
    later.start_queued(emu)
    wait_for(lambda: state(later, emu) == "done")
    assert state(later, dog) == "held"
    later.interrupt(dog)
    assert "dog" not in [run["name"] for run in later.runs()]
    assert json.loads(path.read_text())["runs"] == []


def test_after_a_restart_it_goes_on_by_itself_where_that_was_asked_for(
    manager: RunManager, config: TrainConfig, host: FakeHost, path: Path
) -> None:
    manager.start(config)
    dog, emu = queued(manager, config, "dog", "emu")
    manager.queue_goes_on = True
    later = restarted(manager, host, path)
    assert later.queue_goes_on
    later.begin()
    wait_for(lambda: state(later, emu) == "done")
    assert state(later, dog) == "done"


def test_a_run_that_is_gone_on_with_waits_too(
    manager: RunManager, config: TrainConfig, host: FakeHost, path: Path
) -> None:
    cat = manager.start(config.replace(steps=4))
    wait_for(lambda: state(manager, cat) == "done")
    first = manager.start(config.replace(name="dog"))
    manager.resume(cat, steps=6)
    assert line(manager) == [("cat", 1)]
    later = restarted(manager, host, path)
    held = next(run for run in later.runs() if run["name"] == "cat")
    assert (held["state"], held["id"]) == ("held", cat)
    assert later.events(cat)["run"]["step"] == 4, "what was told of it before the restart"
    later.start_queued(cat)
    wait_for(lambda: state(later, cat) == "done")
    assert later.describe(cat)["step"] == 6
    assert state(later, first) if first in {run["id"] for run in later.runs()} else True


def test_of_two_programs_the_first_has_the_queue(
    manager: RunManager, config: TrainConfig, host: FakeHost, path: Path
) -> None:
    """The other one sees nothing of it, changes nothing in it, and says that its own is not kept."""
    manager.start(config)
    (dog,) = queued(manager, config, "dog")
    content = path.read_text()
    other = RunManager(FakeHost(path.parent / "other"), FifoGate(), train=FakeTraining(seconds=0.01), queue_file=path)
    assert [run["name"] for run in other.runs() if run["state"] in ("waiting", "held")] == []
    with pytest.raises(UnknownRunError):
        other.start_queued(dog)
    other.start(config.replace(name="emu", log_dir=str(path.parent / "others")))
    (fox,) = queued(other, config.replace(log_dir=str(path.parent / "others")), "fox")
    assert line(other) == [("fox", 1)]
    assert other.describe(fox)["note"].startswith("Is not kept over a restart, as another program")
    assert manager.describe(dog)["note"] == ""
    other.close(5)
    assert path.read_text() == content


def test_a_program_that_ends_leaves_the_file_to_the_next(manager: RunManager, config: TrainConfig, path: Path) -> None:
    manager.start(config)
    (dog,) = queued(manager, config, "dog")
    other = RunQueue(path)
    assert other.held() == []
    manager.close(5)
    assert [item.id for item in RunQueue(path).held()] == [dog]


def test_a_killed_process_leaves_its_queue_and_the_run_that_had_not_saved_yet(tmp_path: Path) -> None:
    """Until the state of a run is on disk, the run is not lost with its process."""
    path = tmp_path / "queue.json"
    code = (
        "import os, sys; from pathlib import Path\n"
        "from textual_inversion.runs.queue import RunQueue\n"
        "from textual_inversion.runs.queue_file import QueuedRun\n"
        "queue = RunQueue(Path(sys.argv[1]))\n"
        "for name in ('begun', 'waits', 'saved'): queue.add(QueuedRun(id=name, settings={'name': name}))\n"
        "queue.begin('begun'); queue.begin('saved'); queue.done('saved'); os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(path)], cwd=root, check=False).returncode != 0
    assert [item.name for item in RunQueue(path).held()] == ["begun", "waits"]


def test_many_who_change_it_at_once_lose_nothing(path: Path) -> None:
    queue = RunQueue(path)
    threads = [
        threading.Thread(target=queue.add, args=(QueuedRun(id=str(number), settings={}),)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.close()
    assert {item.id for item in RunQueue(path).held()} == {str(number) for number in range(8)}


def test_a_change_that_cannot_be_written_is_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = RunQueue(path)
    for name in ("a", "b", "c"):
        queue.add(QueuedRun(id=name, settings={}))

    def full(*_: object, **__: object) -> None:
        raise ResourceError("The disk is full.")

    with monkeypatch.context() as disk:
        disk.setattr(queue_file, "write_json", full)
        for change in (
            lambda: queue.add(QueuedRun(id="d", settings={})),
            lambda: queue.move("c", 1),
            lambda: queue.done("a"),
        ):
            with pytest.raises(ResourceError):
                change()
    assert queue.waiting() == ["a", "b", "c"]
    queue.move("c", 1)
    queue.close()
    assert [item.id for item in RunQueue(path).held()] == ["c", "a", "b"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"runs": 5}', "null", "[" * 100_000, '{"runs": [1, {"id": 5}]}'])
def test_a_file_that_somebody_wrote_into_is_no_fault_and_is_not_lost(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(content)
    queue = RunQueue(path)
    assert queue.held() == []
    queue.add(QueuedRun(id="a", settings={"name": "dog"}))
    queue.close()
    assert [item.id for item in RunQueue(path).held()] == ["a"]
    aside = path.with_suffix(".unreadable.json")
    assert aside.read_text() == content if "5}]" not in content else not aside.exists()


def test_queued_settings_that_are_none_are_refused_with_their_field(host: FakeHost, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"runs": [{"id": "a", "settings": {"name": "dog", "steps": "many"}}]}))
    manager = RunManager(host, FifoGate(), train=FakeTraining(), queue_file=path)
    assert [run["state"] for run in manager.runs() if run["id"] == "a"] == ["held"]
    with pytest.raises(InputError) as caught:
        manager.start_queued("a")
    assert caught.value.field == "steps"
    manager.close(5)
    assert [item.id for item in RunQueue(path).held()] == ["a"]


def test_nothing_is_made_on_the_disk_before_something_waits(host: FakeHost, path: Path) -> None:
    manager = RunManager(host, FifoGate(), train=FakeTraining(), queue_file=path)
    assert not manager.queue_goes_on
    assert not path.parent.exists()
