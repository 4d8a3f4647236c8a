from __future__ import annotations

import time
from pathlib import Path

import pytest
from fake_training import FakeHost, FakeTraining, wait_for

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.errors import ConflictError, UnknownRunError
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.runs.registry import check_version, kept_manager


def state(manager: RunManager, run: str) -> str:
    return manager.describe(run)["state"]


def test_a_run_goes_to_its_end(manager: RunManager, config: TrainConfig, host: FakeHost) -> None:
    run = manager.start(config.replace(steps=20))
    wait_for(lambda: state(manager, run) == "done")
    kinds = [event["event"] for event in manager.events(run)["events"]]
    assert kinds[0] == "prepared"
    assert kinds[-1] == "finished"
    assert kinds.count("step") == 20
    assert manager.describe(run)["step"] == 20
    assert not [path for name in ("cat", "dog") for path in host.embeddings_dir.glob(f".{name}*")]


def test_events_come_after_a_number_and_in_portions(manager: RunManager, config: TrainConfig) -> None:
    run = manager.start(config.replace(steps=20, image_every=0, evaluate_every=0))
    wait_for(lambda: state(manager, run) == "done")
    first = manager.events(run, 0, limit=10)
    rest = manager.events(run, first["events"][-1]["number"])
    assert first["more"]
    assert not rest["more"]
    assert [event["number"] for event in first["events"] + rest["events"]] == list(range(1, 23))


def test_a_refused_setting_is_raised_and_leaves_nothing(
    manager: RunManager, config: TrainConfig, host: FakeHost
) -> None:
    with pytest.raises(InputError, match="No dataset directory") as caught:
        manager.start(config.replace(data=[]))
    assert caught.value.field == "data"
    assert manager.runs() == []
    assert not [path for name in ("cat", "dog") for path in host.embeddings_dir.glob(f".{name}*")]


def test_a_bad_name_is_refused(manager: RunManager, config: TrainConfig) -> None:
    with pytest.raises(InputError, match="cannot be the name of an embedding"):
        manager.start(config.replace(name="../cat"))


def test_one_run_a_name(manager: RunManager, config: TrainConfig) -> None:
    manager.start(config)
    with pytest.raises(ConflictError, match="'cat' is being trained already") as caught:
        manager.start(config)
    assert caught.value.field == "name"
    assert len(manager.runs()) == 1


def test_interrupt_ends_and_frees_the_name(manager: RunManager, config: TrainConfig) -> None:
    run = manager.start(config)
    manager.interrupt(run)
    wait_for(lambda: state(manager, run) == "interrupted")
    with pytest.raises(ConflictError, match="cannot be interrupted now: it is interrupted"):
        manager.interrupt(run)
    assert manager.start(config) != run


def test_pause_gives_the_model_back_and_resume_goes_on(
    manager: RunManager, config: TrainConfig, training: FakeTraining
) -> None:
    run = manager.start(config)
    with pytest.raises(ConflictError, match="Pause it first"), manager.borrow():
        pass
    wait_for(lambda: len(training.steps_seen) > 3)
    manager.pause(run)
    with manager.borrow():
        stopped_at = len(training.steps_seen)
    wait_for(lambda: state(manager, run) == "paused")
    with pytest.raises(ConflictError, match="being trained already"):
        manager.start(config)
    assert manager.resume(run) == run
    wait_for(lambda: len(training.steps_seen) > stopped_at + 3)
    assert training.steps_seen == list(range(1, len(training.steps_seen) + 1))


def test_a_paused_run_can_be_ended(manager: RunManager, config: TrainConfig) -> None:
    run = manager.start(config)
    manager.pause(run)
    wait_for(lambda: state(manager, run) == "paused")
    manager.interrupt(run)
    assert state(manager, run) == "interrupted"
    assert manager.events(run)["events"][-1]["outcome"] == "interrupted"
    manager.start(config)


def test_runs_wait_their_turn_and_may_be_interrupted_waiting(
    manager: RunManager, config: TrainConfig, gate: FifoGate, training: FakeTraining
) -> None:
    with gate:
        first = manager.start(config.replace(steps=3), settle=0.05)
        second = manager.start(config.replace(name="dog"), settle=0.05)
        assert state(manager, first) == state(manager, second) == "waiting"
        manager.interrupt(second)
        assert state(manager, second) == "interrupted"
    wait_for(lambda: state(manager, first) == "done")
    assert training.steps_seen == [1, 2, 3]


def test_a_fault_ends_the_run_with_a_sentence(host: FakeHost, config: TrainConfig) -> None:
    manager = RunManager(host, FifoGate(), train=FakeTraining(fail_at=4))
    run = manager.start(config)
    wait_for(lambda: state(manager, run) == "failed")
    last = manager.events(run)["events"][-1]
    assert last["event"] == "finished"
    assert "RuntimeError: the fake was told to break" in last["message"]
    assert last["step"] == 3
    manager.start(config.replace(steps=2))


def test_save_and_preview_on_demand(manager: RunManager, config: TrainConfig) -> None:
    run = manager.start(config.replace(image_every=0))
    manager.save_now(run)
    manager.preview_now(run)
    wait_for(lambda: {"saved", "preview"} <= {event["event"] for event in manager.events(run)["events"]})


def test_runs_of_an_earlier_process_are_found_and_resumed(
    manager: RunManager, config: TrainConfig, host: FakeHost, tmp_path: Path
) -> None:
    run = manager.start(config.replace(steps=7))
    wait_for(lambda: state(manager, run) == "done")

    later = RunManager(host, FifoGate(), train=FakeTraining(), log_dirs=[tmp_path / "logs"])
    (found,) = later.runs()
    assert (found["name"], found["state"], found["step"]) == ("cat", "resumable", 7)
    with pytest.raises(ConflictError, match="Resume it first"):
        later.pause(found["id"])
    assert later.resume(found["id"], steps=9) == found["id"]
    wait_for(lambda: state(later, found["id"]) == "done")
    assert [event["step"] for event in later.events(found["id"])["events"] if event["event"] == "step"] == [8, 9]
    assert len(later.runs()) == 1


def test_a_found_run_that_could_not_go_on_can_be_tried_again(
    manager: RunManager, config: TrainConfig, host: FakeHost, tmp_path: Path
) -> None:
    run = manager.start(config.replace(steps=7))
    wait_for(lambda: state(manager, run) == "done")
    refusals = [InputError("The folder with the pictures is not there.", field="data")]
    pretended = FakeTraining()

    def refusing_once(*given, **named):
        if refusals:
            raise refusals.pop()
        return pretended(*given, **named)

    gate = FifoGate()
    later = RunManager(host, gate, train=refusing_once, log_dirs=[tmp_path / "logs"])
    found = later.runs()[0]["id"]
    with pytest.raises(InputError, match="not there"):
        later.resume(found, steps=9)
    assert (later.describe(found)["state"], later.describe(found)["step"]) == ("failed", 7)
    with gate:
        later.resume(found, settle=0.05)
        later.interrupt(found)
    later.resume(found)
    wait_for(lambda: state(later, found) == "done")
    assert pretended.steps_seen == [8, 9]


def test_the_name_is_free_as_soon_as_a_refusal_is_told(host: FakeHost, config: TrainConfig) -> None:
    class SlowToLeave(FifoGate):
        def __exit__(self, *error) -> None:
            time.sleep(0.1)
            super().__exit__(*error)

    manager = RunManager(host, SlowToLeave(), train=FakeTraining())
    with pytest.raises(InputError, match="No dataset directory"):
        manager.start(config.replace(data=[]))
    manager.start(config.replace(steps=1))


def test_broken_runs_on_disk_are_left_out(manager: RunManager, tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "2024-01-01" / "cat"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{")
    (folder / "resume.safetensors").write_bytes(b"\0" * 40)
    assert manager.runs() == []


def test_unknown_runs(manager: RunManager) -> None:
    for ask in (manager.run, manager.describe, manager.events, manager.pause, manager.resume):
        with pytest.raises(UnknownRunError, match="There is no run 'nope'"):
            ask("nope")


def test_close_interrupts_and_waits(host: FakeHost, config: TrainConfig) -> None:
    manager = RunManager(host, FifoGate(), train=FakeTraining(seconds=0.01))
    run = manager.start(config)
    manager.close(5)
    assert state(manager, run) == "interrupted"


def test_close_reaches_every_run_though_one_ends_by_itself_just_then(
    manager: RunManager, config: TrainConfig, host: FakeHost, gate: FifoGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gate:
        first, _ = (manager.start(config.replace(name=name), settle=0.05) for name in ("cat", "dog"))
        told_apart = manager.run(first).interrupt

        def interrupt_too_late() -> None:
            told_apart()
            told_apart()

        monkeypatch.setattr(manager.run(first), "interrupt", interrupt_too_late)
        manager.close(0.1)
        assert state(manager, first) == "interrupted"
        assert not [path for name in ("cat", "dog") for path in host.embeddings_dir.glob(f".{name}*")], (
            "neither that of the one that waited"
        )


def test_the_manager_survives_a_reload(manager: RunManager, monkeypatch: pytest.MonkeyPatch) -> None:
    import textual_inversion

    monkeypatch.setattr(textual_inversion, "_kept_run_manager", manager, raising=False)
    assert kept_manager(lambda: pytest.fail("made a second one")) is manager
    with pytest.raises(Exception, match=r"Version 9\.9 .* Restart the web UI"):
        check_version("9.9")


def test_an_extension_that_is_installed_twice_is_told_apart(tmp_path: Path) -> None:
    import textual_inversion

    own, version = Path(textual_inversion.__file__).parent, textual_inversion.__version__
    check_version(version, folder=own)
    with pytest.raises(Exception, match="installed twice, in .* Remove one of them and restart"):
        check_version(version, folder=tmp_path / "textual_inversion")
