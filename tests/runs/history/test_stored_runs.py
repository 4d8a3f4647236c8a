"""Runs on disk: one id each, wherever they are named, and no search where the id is known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fake_training import FakeHost, FakeTraining, wait_for

from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.history import stored_runs
from textual_inversion.runs.history.run_id import FILE, id_of, note_id
from textual_inversion.runs.history.stored_runs import StoredRuns
from textual_inversion.runs.manager import RunManager


def ran(manager: RunManager, config: TrainConfig, **changes: object) -> str:
    run = manager.start(config.replace(**{"steps": 6, **changes}))
    wait_for(lambda: manager.describe(run)["state"] == "done")
    return run


def later_process(host: FakeHost, tmp_path: Path) -> RunManager:
    return RunManager(host, FifoGate(), train=FakeTraining(), log_dirs=[tmp_path / "logs"])


def test_a_run_keeps_its_id_over_a_restart_and_when_it_goes_on(
    manager: RunManager, config: TrainConfig, host: FakeHost, tmp_path: Path
) -> None:
    run = ran(manager, config)
    assert [stored.id for stored in manager.stored.of("cat")] == [run]
    later = later_process(host, tmp_path)
    assert [entry["id"] for entry in later.runs()] == [run]
    assert later.resume(run, steps=8) == run
    wait_for(lambda: later.describe(run)["state"] == "done")
    assert [entry["id"] for entry in later_process(host, tmp_path).runs()] == [run]


def test_a_run_from_a_kept_step_has_an_id_of_its_own(
    manager: RunManager, config: TrainConfig, host: FakeHost, tmp_path: Path
) -> None:
    run = ran(manager, config)
    other = manager.start(config.replace(name="dog", steps=5))
    wait_for(lambda: manager.describe(other)["state"] == "done")
    assert {entry["id"] for entry in later_process(host, tmp_path).runs()} == {run, other}


def test_a_copied_or_moved_folder_is_another_run(manager: RunManager, config: TrainConfig, tmp_path: Path) -> None:
    run = ran(manager, config)
    folder = manager.folder(run)
    assert folder is not None
    copy = Path(shutil.copytree(folder, folder.with_name("copy")))
    assert id_of(folder) == run != id_of(copy)
    assert len({stored.id for stored in manager.stored.all()}) == 2


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"id": 5}', '{"id": "../../x", "folder": "HERE"}', '{"id": "ABCDEF012345", "folder": "HERE"}'],
)
def test_rubbish_in_place_of_an_id(tmp_path: Path, content: str) -> None:
    plain = id_of(tmp_path)
    (tmp_path / FILE).write_text(content.replace("HERE", str(tmp_path.resolve())))
    assert id_of(tmp_path) == plain
    note_id(tmp_path, "0123456789ab")
    assert id_of(tmp_path) == "0123456789ab"


def test_polls_of_a_run_whose_id_is_known_search_nothing(
    manager: RunManager, config: TrainConfig, host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ran(manager, config)
    ran(manager, config, name="dog")
    later = later_process(host, tmp_path)
    later.runs()
    searched, read = [], []
    search, read_one = stored_runs.run_folders, stored_runs._read
    monkeypatch.setattr(stored_runs, "run_folders", lambda folder: searched.append(folder) or search(folder))
    monkeypatch.setattr(stored_runs, "_read", lambda folder: read.append(folder) or read_one(folder))
    previews = [event["number"] for event in later.events(run)["events"] if event["event"] == "preview"]
    assert previews
    for number in previews:
        assert later.picture(run, number).is_file()
    later.describe(run)
    later.folder(run)
    assert (searched, read) == ([], [])
    later.runs()
    assert searched
    assert read == [], "what did not change is not read again"


def test_a_run_that_changed_is_read_again_and_one_that_is_gone_is_forgotten(
    manager: RunManager, config: TrainConfig, tmp_path: Path
) -> None:
    run = ran(manager, config)
    stored = StoredRuns(lambda: [tmp_path / "logs"])
    found = stored.get(run)
    assert found is not None
    plan = found.directory.plan
    content = json.loads(plan.read_text())
    plan.write_text(json.dumps({**content, "config": {**content["config"], "steps": 77}}))
    again = stored.get(run)
    assert again is not None
    assert again.config.steps == 77
    shutil.rmtree(found.folder)
    assert stored.get(run) is None
    assert stored.all() == []


def test_a_run_without_a_state_is_listed_for_its_embedding_only(
    manager: RunManager, config: TrainConfig, host: FakeHost, tmp_path: Path
) -> None:
    run = ran(manager, config)
    folder = manager.folder(run)
    assert folder is not None
    (folder / "resume.safetensors").write_bytes(b"\0" * 40)
    later = later_process(host, tmp_path)
    assert later.runs() == []
    assert [stored.id for stored in later.stored.of("cat")] == [run]
