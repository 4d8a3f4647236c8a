"""What a run leaves in the embeddings folder and in its own, and what it takes away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from engine_world import World

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import read_embedding, write_embedding
from textual_inversion.core.record.events import Encoding, Previewed, Saved, Stepped, Warned
from textual_inversion.core.record.run_folder import newest_run


def _write(path: Path, *, notes: dict[str, str] | None = None, step: int | None = 0) -> Path:
    rows = torch.randn(2, 16, generator=torch.Generator().manual_seed(4))
    path.parent.mkdir(exist_ok=True)
    write_embedding(Embedding(vectors={"*": rows}, name="thing", step=step, notes=notes or {}), path)
    return path


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _told(world: World) -> list[str]:
    return [event.message for event in world.of(Warned)]


def test_a_run_leaves_one_embedding_and_its_card(world: World) -> None:
    world.create()
    world.train(world.config(steps=4, save_every=1, image_every=2))
    card = ["thing.json", "thing.preview.png"]
    assert _files(world.host.embeddings_dir) == [*card, "thing.pt"]
    world.train(world.config(steps=6, use_safetensors=True))
    assert _files(world.host.embeddings_dir) == [*card, "thing.safetensors"]


def test_a_file_that_would_shadow_the_result_is_moved_and_told(world: World) -> None:
    below = _write(world.host.embeddings_dir / "people" / "thing.pt")
    before = below.read_bytes()
    finished = world.train(world.config(steps=2))
    assert _files(world.host.embeddings_dir) == ["thing.json", "thing.pt"]
    moved = Path(finished.run_dir) / "replaced" / "thing.pt"
    assert moved.read_bytes() == before
    assert f"{below} had the same name and was moved to {moved}." in _told(world)


def test_nothing_that_was_moved_before_is_lost(world: World) -> None:
    _write(world.host.embeddings_dir / "thing.safetensors")
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == 2 else None
    paused = world.train(world.config(steps=4))
    assert _files(world.host.embeddings_dir) == ["thing.json", "thing.pt"]
    second = _write(world.host.embeddings_dir / "thing.safetensors", notes={"a": "b"}).read_bytes()
    world.on_event = lambda _: None
    world.train(world.config(steps=4), resume=Path(paused.run_dir))
    replaced = Path(paused.run_dir) / "replaced"
    assert _files(replaced) == ["thing-2.safetensors", "thing.safetensors"]
    assert (replaced / "thing-2.safetensors").read_bytes() == second


def test_a_file_that_cannot_be_moved_does_not_cost_the_result(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = _write(world.host.embeddings_dir / "thing.safetensors")
    original = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if self == other:
            raise PermissionError(13, "The process cannot access the file")
        original(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    finished = world.train(world.config(steps=2))
    assert finished.outcome == "done"
    assert read_embedding(Path(finished.embedding)).step == 2
    assert any(f"{other} has the same name and could not be moved away" in message for message in _told(world))


def test_a_copy_that_cannot_be_deleted_yet_does_not_end_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create()
    original = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if self.name == "thing-1.pt":
            raise PermissionError(13, "The process cannot access the file")
        original(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    finished = world.train(world.config(steps=4, save_every=1, keep_copies=1))
    assert finished.outcome == "done"
    assert _files(Path(finished.run_dir) / "embeddings") == ["thing-1.pt", "thing-4.pt"]


def test_notes_are_kept_through_pause_resume_and_copies(world: World) -> None:
    notes = {"init_text": "a red thing", "partner": "thing-neg"}
    _write(world.host.embeddings_dir / "thing.pt", notes=notes)
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == 2 else None
    paused = world.train(world.config(steps=6, save_every=2))
    world.on_event = lambda _: None
    done = world.train(world.config(steps=6, save_every=2), resume=Path(paused.run_dir))
    again = world.train(world.config(steps=6), resume=Path(paused.run_dir), from_step=4)
    copy = Path(done.run_dir) / "embeddings" / "thing-4.pt"
    for path in (paused.embedding, done.embedding, again.embedding, copy):
        assert notes.items() <= dict(read_embedding(Path(path)).notes).items(), path


def test_a_carrier_is_written_even_without_a_preview(world: World) -> None:
    world.create()
    world.host.leased.picture_error = RuntimeError("no sampler")
    finished = world.train(world.config(steps=2, image_every=2))
    carried = read_embedding(Path(finished.run_dir) / "image_embeddings" / "thing-2.png")
    final = read_embedding(Path(finished.embedding))
    assert torch.allclose(carried.vectors["*"], final.vectors["*"])
    assert carried.step == 2


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("[filewords]\na drawing of [name], [filewords]", "a drawing of thing"),
        ("[name], [filewords]", "thing"),
        ("[filewords] with thing", "thing"),
    ],
)
def test_previews_show_the_embedding_without_any_caption(world: World, lines: str, shown: str) -> None:
    world.create()
    (world.folder / "templates" / "mine.txt").write_text(lines)
    (world.folder / "pictures" / "0.txt").write_text("thing in red")
    world.train(world.config(steps=1, image_every=1, template="mine.txt"))
    assert [event.prompt for event in world.of(Previewed)] == [shown]


def test_an_interrupt_while_pictures_are_encoded_is_heard_at_once(world: World) -> None:
    made = world.create()
    before = made.read_bytes()
    world.on_event = lambda event: (
        world.control.interrupt() if isinstance(event, Encoding) and event.done == 1 else None
    )
    finished = world.train()
    assert (finished.outcome, finished.exit_code, finished.step) == ("interrupted", 130, 0)
    assert finished.message == "Interrupted while the pictures were being encoded. Nothing was trained or changed."
    assert len(world.of(Encoding)) == 1
    assert made.read_bytes() == before
    assert not (world.folder / "log").exists()


def test_a_folder_with_a_plan_can_be_resumed(world: World) -> None:
    """The plan is written after the first state, so a run killed at its very start is no run yet."""
    world.create()

    def killed(event: object) -> None:
        if isinstance(event, Saved) and event.what == "state":
            raise KeyboardInterrupt

    world.on_event = killed
    with pytest.raises(KeyboardInterrupt):
        world.train()
    assert list((world.folder / "log").glob("*/thing/resume.safetensors"))
    with pytest.raises(InputError, match="No run of 'thing' was found"):
        newest_run(world.folder / "log", "thing")


def test_the_plan_is_written_in_full(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=3, learning_rate="0.01 cosine"))
    plan = json.loads((Path(finished.run_dir) / "run.json").read_text())
    assert plan["version"] == 1
    assert plan["config"] == world.config(steps=3, learning_rate="0.01 cosine").to_mapping()
    resolved = plan["resolved"]
    assert (resolved["start_step"], resolved["end_step"], resolved["vectors"]) == (0, 3, 2)
    assert resolved["prompts"] == ["a photo of [name]", "[name], [filewords]"]
    assert len(resolved["pictures"]) == 3
    assert resolved["checkpoint_sha256"].startswith("0123456789")


def test_a_run_killed_after_its_last_step_is_finished_by_resuming(world: World) -> None:
    made = world.create()
    before = made.read_bytes()
    finished = world.train(world.config(steps=4))
    expected = read_embedding(made).vectors["*"]
    made.write_bytes(before)  # as if the process had died before it was written
    again = world.train(world.config(steps=4), resume=Path(finished.run_dir))
    assert (again.outcome, again.step) == ("done", 4)
    assert torch.equal(read_embedding(made).vectors["*"], expected)
    with pytest.raises(InputError, match="has had 4 steps already and Max steps is 4. Give a higher number"):
        world.train(world.config(steps=4), resume=Path(finished.run_dir))


def test_what_cannot_be_saved_after_a_failure_does_not_hide_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create()
    world.host.leased.fails_at = {4: RuntimeError("CUDA error: an illegal memory access")}

    def lost(*_: object) -> None:
        raise RuntimeError("CUDA error: still lost")

    world.on_event = lambda event: (
        monkeypatch.setattr("textual_inversion.core.record.outputs.save_state", lost)
        if isinstance(event, Stepped) and event.step == 3
        else None
    )
    finished = world.train()
    assert finished.exit_code == 1
    assert "RuntimeError: CUDA error: an illegal memory access" in finished.message
    assert "Not everything could be saved: CUDA error: still lost" in _told(world)
    assert read_embedding(world.host.embeddings_dir / "thing.pt").step == 3


def test_a_host_that_cannot_take_the_embedding_up_does_not_make_the_run_a_failure(world: World) -> None:
    world.create()

    def publish(_: Path) -> None:
        raise RuntimeError("no such tab")

    world.host.publish = publish  # type: ignore[method-assign]
    finished = world.train(world.config(steps=2))
    assert finished.outcome == "done"
    assert read_embedding(Path(finished.embedding)).step == 2
    assert any("fake could not take it up by itself (no such tab)" in message for message in _told(world))
