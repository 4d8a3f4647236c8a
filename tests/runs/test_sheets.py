"""Sheets of prompts and steps, over HTTP."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_training import wait_for
from library_world import LibraryWorld, make_library_world
from PIL import Image

from textual_inversion.core.base.control import Control
from textual_inversion.core.base.errors import LeaseError
from textual_inversion.core.model.host import Picture, PictureRequest
from textual_inversion.core.record.events import Emit


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LibraryWorld:
    world = make_library_world(tmp_path)
    world.add()
    world.run()
    monkeypatch.setattr(world.host.leased, "picture", coloured)
    return world


def coloured(request: PictureRequest, *, embeddings: dict) -> Picture:
    """Red tells the vectors' values, green the length of the prompt."""
    ((rows,),) = (vectors.values() for vectors in embeddings.values())
    colour = (int(rows[0, 0]), len(request.prompt), 77)
    return Picture(image=Image.new("RGB", (request.width, request.height), colour), infotext=request.prompt)


def asked(world: LibraryWorld, **changes: object) -> dict:
    file = str(changes.get("file", "cat.pt"))
    (run,) = world.get("/details", file=file).json()["runs"]
    body = {"file": "cat.pt", "run": run["id"], "steps": [10, 20], "prompts": ["a [name]", "one cat more"]}
    return {**body, "width": 64, "height": 64, **changes}


def test_a_sheet_from_start_to_its_file(world: LibraryWorld) -> None:
    answer = world.post("sheets", **asked(world))
    assert answer.status_code == 202
    sheet = answer.json()["sheet"]
    state = wait_for(lambda: (found := world.get(f"/sheets/{sheet}").json())["state"] == "done" and found)
    assert (state["done"], state["total"]) == (6, 6)
    saved = Image.open(state["path"])
    assert Path(state["path"]).parent == world.folder / "log" / "2026-01-01" / "cat" / "sheets"
    assert saved.info["parameters"] == "a cat"
    colours = {colour for _, colour in saved.getcolors(1 << 20)}
    assert {(step, length, 77) for step in (10, 20, 1) for length in (5, 12)} <= colours
    shown = Image.open(io.BytesIO(world.get(f"/sheets/{sheet}/picture").content))
    assert shown.size == saved.size
    assert world.get("/sheets").json()["sheets"] == [state]
    assert world.host.given_back == 1


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"steps": [11]}, "steps", "kept no copy of step 11. It has: 10, 20."),
        ({"run": "nope"}, "run", "No run with the id"),
        ({"steps": [], "current": False}, "steps", "at least one step"),
        ({"prompts": []}, "prompts", "at least one prompt"),
        ({"prompts": ["a dog"]}, "prompts", "'cat' is not in the prompt 'a dog'"),
        ({"width": 100}, "width", "multiple of 8"),
        ({"prompts": ["cat"] * 50}, "steps", "150 pictures"),
        ({"sampling_steps": 0}, "sampling_steps", "between 1 and 150"),
    ],
)
def test_mistakes_are_told_before_the_model_is_asked(world: LibraryWorld, change: dict, field: str, words: str) -> None:
    got, error = world.refused("sheets", **asked(world, **change))
    assert got == field
    assert words in error
    assert world.host.given_back == 0


def test_without_a_run_the_file_itself(world: LibraryWorld) -> None:
    sheet = world.post("sheets", **asked(world, run="", steps=[])).json()["sheet"]
    state = wait_for(lambda: (found := world.get(f"/sheets/{sheet}").json())["state"] == "done" and found)
    assert state["total"] == 2
    assert Path(state["path"]).parent == world.folder / "log" / "sheets"


def held(world: LibraryWorld, monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """The second picture waits for the second event, after setting the first."""
    reached, go = threading.Event(), threading.Event()
    made = iter(range(100))

    def slow(request: PictureRequest, *, embeddings: dict) -> Picture:
        if next(made) == 1:
            reached.set()
            go.wait(10)
        return coloured(request, embeddings=embeddings)

    monkeypatch.setattr(world.host.leased, "picture", slow)
    return reached, go


def test_stopped_in_the_middle_it_is_kept_as_far_as_it_is(world: LibraryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go = held(world, monkeypatch)
    sheet = world.post("sheets", **asked(world)).json()["sheet"]
    reached.wait(10)
    assert "being made" in world.refused("sheets", 409, **asked(world))[1]
    assert world.get(f"/sheets/{sheet}/picture").status_code == 200
    world.done(f"sheets/{sheet}/cancel")
    go.set()
    state = wait_for(lambda: (found := world.get(f"/sheets/{sheet}").json())["state"] == "stopped" and found)
    assert state["done"] == 1
    assert Path(state["path"]).is_file()
    assert world.get("/sheets/other").status_code == 404


def test_the_hosts_interrupt_ends_it(world: LibraryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go = held(world, monkeypatch)
    told: list[object] = []

    @contextmanager
    def watch(emit: Emit, control: Control) -> Iterator[Emit]:
        def tell(event: object) -> None:
            told.append(event)
            emit(event)

        controls.append(control)
        yield tell

    controls: list[Control] = []
    world.manager.sheets._watch = watch
    sheet = world.post("sheets", **asked(world)).json()["sheet"]
    reached.wait(10)
    controls[0].interrupt()
    go.set()
    wait_for(lambda: world.get(f"/sheets/{sheet}").json()["state"] == "stopped")
    assert [(event.done, event.total) for event in told] == [(0, 6), (1, 6)]


def test_what_the_host_refuses_is_the_answer(world: LibraryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_request: object, **_: object) -> Picture:
        raise LeaseError("There is no such sampler.")

    monkeypatch.setattr(world.host.leased, "picture", refuse)
    answer = world.post("sheets", **asked(world))
    if answer.status_code == 202:  # told before the first picture was tried
        sheet = answer.json()["sheet"]
        wait_for(lambda: world.get(f"/sheets/{sheet}").json()["state"] == "failed")
        answer = world.get(f"/sheets/{sheet}")
    assert "no such sampler" in answer.text


def test_a_renamed_one_finds_its_runs(world: LibraryWorld) -> None:
    world.done("rename", file="cat.pt", name="kitten")
    (run,) = world.get("/details", file="kitten.pt").json()["runs"]
    assert run["steps"] == [10, 20]
    body = asked(world, file="kitten.pt", prompts=["a kitten"], run=run["id"])
    assert world.post("sheets", **body).status_code == 202
