"""A whole run on the fake host: what it writes, and that it goes on exactly where it stopped."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_world import World, make_world, run_folder, vectors_of

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.record import outputs
from textual_inversion.core.record.events import Evaluated, Previewed, Saved, Stepped, Warned
from textual_inversion.core.record.state_file import load_state


def test_a_run_writes_what_a1111_writes(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=10, save_every=5, image_every=5, evaluate_every=5, csv_every=1))
    run = Path(finished.run_dir)
    assert finished.outcome == "done"
    assert finished.exit_code == 0
    assert Path(finished.embedding) == world.host.embeddings_dir / "thing.pt"
    assert sorted(path.name for path in (run / "embeddings").iterdir()) == ["thing-10.pt", "thing-5.pt"]
    assert sorted(path.name for path in (run / "images").iterdir()) == ["thing-10.png", "thing-5.png"]
    assert sorted(path.name for path in (run / "image_embeddings").iterdir()) == ["thing-10.png", "thing-5.png"]
    rows = list(csv.DictReader((run / "textual_inversion_loss.csv").open()))
    assert list(rows[0])[:5] == ["step", "epoch", "epoch_step", "loss", "learn_rate"]
    assert [int(row["step"]) for row in rows] == list(range(1, 11))
    assert json.loads((run / "run.json").read_text())["config"]["name"] == "thing"
    final = read_embedding(Path(finished.embedding))
    assert (final.name, final.step, final.checkpoint_hash) == ("thing", 10, "0123456789")
    assert world.host.published[-1] == Path(finished.embedding)
    assert world.events[-1] is finished
    beside = {path.name for path in world.host.embeddings_dir.iterdir()}
    assert beside == {"thing.pt", "thing.json", "thing.preview.png"}


def test_the_step_in_a_name_is_the_true_number_of_updates(world: World) -> None:
    world.create()
    world.train(world.config(steps=4, save_every=2))
    copies = run_folder(world).copies()
    assert list(copies) == [2, 4]
    assert read_embedding(copies[2]).step == 2
    assert read_embedding(copies[2]).name == "thing-2"


def test_the_loss_falls_and_only_the_vectors_change(world: World) -> None:
    world.create()
    before = world.host.leased.encoders["clip_l"].table().clone()
    world.train(world.config(steps=150, evaluate_every=50))
    losses = [event.loss for event in world.of(Evaluated)]
    assert losses[-1] < 0.9 * losses[0]
    assert torch.equal(before, world.host.leased.encoders["clip_l"].table())
    assert world.host.given_back == 2


def test_two_encoders_are_trained_together_and_saved_as_sdxl(tmp_path: Path) -> None:
    world = make_world(tmp_path, encoders=("clip_l", "clip_g"))
    made = world.create()
    before = read_embedding(made).vectors
    finished = world.train()
    after = read_embedding(Path(finished.embedding))
    assert finished.embedding.endswith("thing.safetensors")
    assert set(after.vectors) == {"clip_l", "clip_g"}
    for key in before:
        assert not torch.equal(before[key], after.vectors[key])


def test_unknown_names_point_to_create(world: World) -> None:
    with pytest.raises(InputError, match="no embedding called 'thing'.*Make it first with create") as caught:
        world.train()
    assert caught.value.field == "name"
    assert not (world.folder / "log").exists()


def test_an_embedding_that_had_all_its_steps_is_told(world: World) -> None:
    world.create()
    world.train(world.config(steps=5))
    with pytest.raises(InputError, match="has had 5 steps already") as caught:
        world.train(world.config(steps=5))
    assert caught.value.field == "steps"


def test_training_goes_on_from_the_step_in_the_file(world: World) -> None:
    world.create()
    world.train(world.config(steps=5))
    finished = world.train(world.config(steps=8))
    assert [event.step for event in world.of(Stepped)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert finished.run_dir.endswith("thing-2")


def test_a_file_without_a_step_starts_at_zero(world: World) -> None:
    from textual_inversion.core.embedding.embedding import Embedding
    from textual_inversion.core.formats import write_embedding

    rows = torch.randn(1, 16, generator=torch.Generator().manual_seed(1))
    write_embedding(
        Embedding(vectors={"*": rows}), world.host.embeddings_dir / "thing.safetensors", file_format="kohya"
    )
    finished = world.train(world.config(steps=3))
    assert [event.step for event in world.of(Stepped)] == [1, 2, 3]
    assert sorted(path.name for path in world.host.embeddings_dir.iterdir()) == ["thing.json", "thing.pt"]
    assert (Path(finished.run_dir) / "replaced" / "thing.safetensors").exists()


def test_another_width_is_told_before_anything_is_written(world: World) -> None:
    world.create()
    from textual_inversion.core.embedding.embedding import Embedding
    from textual_inversion.core.formats import write_embedding

    write_embedding(Embedding(vectors={"*": torch.ones(1, 24)}, step=0), world.host.embeddings_dir / "thing.pt")
    finished = world.train()
    assert finished.exit_code == 2
    assert "made for another kind of model" in finished.message
    assert not (world.folder / "log").exists()


ALL_CHANCE = {
    "steps": 12,
    "batch_size": 2,
    "gradient_accumulation": 3,
    "shuffle_tags": True,
    "tag_dropout": 0.3,
    "caption_dropout": 0.2,
    "latent_sampling": "random",
    "ema": 0.9,
    "image_every": 2,
    "save_every": 3,
    "evaluate_every": 4,
    "timesteps": "stratified",
    "flip": True,
    "noise_offset": 0.05,
    "learning_rate": "0.01:5, 0.003 cosine",
}


@pytest.mark.parametrize("encoders", [("clip_l",), ("clip_l", "clip_g")])
@pytest.mark.parametrize("optimizer", ["adamw", "prodigy"])
@pytest.mark.parametrize("stop_at", [1, 5, 11])
def test_stopping_anywhere_and_resuming_gives_the_same_bits(
    tmp_path: Path, stop_at: int, optimizer: str, encoders: tuple[str, ...]
) -> None:
    config = {**ALL_CHANCE, "optimizer": optimizer, "norm_rule": "clamp"}
    whole = make_world(tmp_path / "whole", encoders=encoders)
    whole.create()
    expected = whole.train(whole.config(**config))

    world = make_world(tmp_path / "stopped", encoders=encoders)
    world.create()
    # Stops in the middle of an accumulation: the wish comes during the first micro-batch of the next step.
    wish_at = stop_at * 3 + 1
    original = world.host.leased.predict
    counted = {"training": 0}

    def predict(*arguments: object) -> torch.Tensor:
        if torch.is_grad_enabled():
            counted["training"] += 1
            if counted["training"] == wish_at:
                world.control.pause()
        return original(*arguments)  # type: ignore[arg-type]

    world.host.leased.predict = predict  # type: ignore[method-assign]
    paused = world.train(world.config(**config))
    assert (paused.outcome, paused.step) == ("paused", stop_at)
    world.host.leased.predict = original  # type: ignore[method-assign]
    resumed = world.train(world.config(**config), resume=Path(paused.run_dir))
    assert resumed.outcome == "done"
    wanted, found = (read_embedding(Path(each.embedding)).vectors for each in (expected, resumed))
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)
    first, second = (
        load_state(Path(expected.run_dir) / "resume.safetensors"),
        load_state(Path(resumed.run_dir) / "resume.safetensors"),
    )
    assert all(
        torch.equal(first.optimizer_tensors[key], second.optimizer_tensors[key]) for key in first.optimizer_tensors
    )
    assert first.evaluations == second.evaluations
    assert first.smooth_loss == second.smooth_loss
    table = "textual_inversion_loss.csv"
    assert (Path(expected.run_dir) / table).read_text() == (Path(resumed.run_dir) / table).read_text()


def test_previews_and_evaluations_do_not_change_the_result(world: World, tmp_path: Path) -> None:
    world.create()
    quiet = world.train(world.config(steps=6))
    other = make_world(tmp_path / "other")
    other.create()
    busy = other.train(other.config(steps=6, image_every=1, evaluate_every=1, save_every=1, csv_every=1))
    assert torch.equal(vectors_of(quiet.embedding), vectors_of(busy.embedding))


def test_the_seed_decides(world: World, tmp_path: Path) -> None:
    world.create()
    first = world.train(world.config(steps=6, seed=1))
    other = make_world(tmp_path / "other")
    other.create()
    second = other.train(other.config(steps=6, seed=2))
    assert not torch.equal(vectors_of(first.embedding), vectors_of(second.embedding))


def test_a_failed_preview_is_a_warning(world: World) -> None:
    world.create()
    world.host.leased.picture_error = RuntimeError("no sampler")
    finished = world.train(world.config(steps=4, image_every=2))
    assert finished.outcome == "done"
    assert "The preview at step 2 could not be made: no sampler" in [event.message for event in world.of(Warned)]
    assert (Path(finished.run_dir) / "image_embeddings" / "thing-2.png").exists()


def test_several_previews_with_the_name_filled_in(world: World) -> None:
    world.create()
    world.train(world.config(steps=2, image_every=2, preview_prompts=["[name] one", "a [name] two"]))
    assert [(event.index, event.prompt) for event in world.of(Previewed)] == [(0, "thing one"), (1, "a thing two")]
    names = sorted(path.name for path in (run_folder(world).root / "images").iterdir())
    assert names == ["thing-2-2.png", "thing-2.png"]


def test_only_the_newest_copies_and_the_best_are_kept(world: World) -> None:
    world.create()
    world.train(world.config(steps=12, save_every=2, keep_copies=2, evaluate_every=2))
    best = world.events[-1].best_step  # type: ignore[attr-defined]
    assert set(run_folder(world).copies()) == {10, 12} | ({best} if best in range(2, 13, 2) else set())


def test_the_best_step_is_used_when_chosen(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=60, evaluate_every=5, keep_best=True, learning_rate="1.0"))
    best = min(world.of(Evaluated), key=lambda event: event.loss)
    assert finished.best_step == best.step < 60
    assert read_embedding(Path(finished.embedding)).step == best.step
    assert f"The best step, {best.step}, was saved" in finished.message


def test_it_stops_by_itself_when_the_fixed_batch_loss_settles(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=3000, evaluate_every=50, auto_stop=True, learning_rate="0.01:400, 1e-5"))
    assert finished.outcome == "stopped"
    assert 300 < finished.step < 3000
    assert "Stopped by itself" in finished.message


def test_continuing_from_a_saved_step_gets_a_folder_of_its_own(world: World) -> None:
    world.create()
    first = world.train(world.config(steps=6, save_every=2))
    finished = world.train(world.config(steps=6), resume=Path(first.run_dir), from_step=2)
    assert finished.run_dir != first.run_dir
    assert [event.step for event in world.of(Stepped)][-4:] == [3, 4, 5, 6]
    assert any("optimiser starts afresh" in event.message for event in world.of(Warned))
    with pytest.raises(InputError, match="No copy of step 3 was kept.*Kept steps: 2, 4, 6"):
        world.train(world.config(steps=6), resume=Path(first.run_dir), from_step=3)


def test_resuming_on_another_checkpoint_is_refused(world: World) -> None:
    from textual_inversion.core.model.host import CheckpointInfo

    world.create()
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == 2 else None
    paused = world.train()
    world.host.leased.checkpoint = CheckpointInfo(name="other", path=None, sha256="f" * 64)
    finished = world.train(resume=Path(paused.run_dir))
    assert finished.exit_code == 2
    assert "trained on the checkpoint fake [0123456789]; loaded is other [ffffffffff]" in finished.message


def test_the_state_is_written_every_two_minutes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_STATE_EVERY_SECONDS", 0.0)
    world.create()
    world.train(world.config(steps=3))
    assert [event.step for event in world.of(Saved) if event.what == "state"] == [0, 1, 2, 3]


def test_captions_that_never_name_the_embedding_are_told(world: World) -> None:
    """As this host reads prompts, which minds capitals; what can be known before the first step is refused there."""
    world.create()
    (world.folder / "templates" / "captions.txt").write_text("[filewords]\n")
    for index in range(3):
        (world.folder / "pictures" / f"{index}.txt").write_text("THING")
    finished = world.train(world.config(template="captions.txt", steps=100))
    assert finished.exit_code == 2
    assert "The first 20 prompts did not hold the embedding" in finished.message
    assert finished.message.endswith("Put [name] into the template, or the name into the captions.")


def test_captions_may_name_the_embedding_themselves(world: World) -> None:
    world.create()
    (world.folder / "templates" / "captions.txt").write_text("[filewords]\n")
    (world.folder / "pictures" / "1.txt").write_text("thing on a table")
    assert world.train(world.config(template="captions.txt", steps=10)).outcome == "done"


def _paused(world: World, **changes: Any) -> Path:
    world.create()
    world.on_event = lambda event: world.control.pause() if isinstance(event, Stepped) and event.step == 2 else None
    return Path(world.train(world.config(**changes)).run_dir)


def _edited(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((run / "run.json").read_text())
    change(content)
    (run / "run.json").write_text(json.dumps(content))


def test_a_run_with_another_optimiser_in_its_settings_is_told(world: World) -> None:
    run = _paused(world)
    finished = world.train(world.config(optimizer="prodigy"), resume=run)
    assert finished.exit_code == 2
    assert "The resume state is not one of the optimiser prodigy" in finished.message
    assert load_state(run / "resume.safetensors").step == 2


def test_the_name_in_a_run_folder_stays_in_its_folder(world: World) -> None:
    run = _paused(world)
    _edited(run, lambda content: content["config"].update(name="../../evil"))
    with pytest.raises(InputError, match="cannot be the name of an embedding"):
        world.train(world.config(name="../../evil"), resume=run)


@pytest.mark.parametrize("resolved", [None, "text", [1], {"notes": [1], "checkpoint_sha256": 7, "pictures": 3}])
def test_a_run_folder_that_somebody_wrote_into_can_be_resumed(world: World, resolved: object) -> None:
    run = _paused(world)
    _edited(run, lambda content: content.update(resolved=resolved))
    assert world.train(resume=run).outcome == "done"


def test_a_clip_skip_that_changes_nothing_is_told(world: World) -> None:
    world.create()
    world.train(world.config(steps=1, clip_skip=2))
    assert not [event for event in world.of(Warned) if "Clip skip" in event.message]
    world.host.leased.family = "sd2"
    world.train(world.config(steps=2, clip_skip=2))
    assert len([event for event in world.of(Warned) if "Clip skip changes nothing" in event.message]) == 1


def test_the_lease_is_asked_for_the_vae_of_the_settings(world: World) -> None:
    world.create()
    world.train(world.config(steps=1))
    world.train(world.config(steps=2, vae="kl.vae.pt"))
    world.train(world.config(steps=3, vae="None"))
    assert [request.vae for request in world.host.requests if request.vae] == ["kl.vae.pt", "None"]


def test_a_vae_that_is_not_there_is_told_before_the_model_is_borrowed(world: World) -> None:
    world.create()
    before = len(world.host.requests)
    with pytest.raises(InputError, match="no VAE called 'other.pt'. There are: None, kl.vae.pt") as raised:
        world.train(world.config(vae="other.pt"))
    assert raised.value.field == "vae"
    assert len(world.host.requests) == before
