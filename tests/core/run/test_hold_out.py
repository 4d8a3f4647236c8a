"""Pictures that are kept for measuring: never trained on, neither themselves nor their mirror images."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_world import World

from textual_inversion.core.base.control import Control
from textual_inversion.core.loss.batches import held_out
from textual_inversion.core.record.events import Stepped
from textual_inversion.core.run.assembly import assemble
from textual_inversion.core.run.checks import prepare
from textual_inversion.core.run.loop import Trainer


def test_as_many_are_drawn_as_asked_for_and_one_is_left_to_train() -> None:
    assert [len(held_out(range(5), count, seed=3)) for count in (0, 1, 4, 5, 9)] == [0, 1, 4, 4, 4]
    assert held_out([], 1, seed=3) == []
    assert len({tuple(held_out(range(5), 2, seed=seed)) for seed in range(20)}) > 1


def test_items_of_one_picture_are_kept_together() -> None:
    pictures = ["a", "a", "b", "b", "c", "c"]
    kept = [held_out(pictures, 1, seed=seed) for seed in range(20)]
    assert {tuple(each) for each in kept} == {(0, 1), (2, 3), (4, 5)}
    assert held_out(["a", "a"], 1, seed=0) == []


def _trainer(world: World, **settings: object) -> Trainer:
    world.create()
    (world.folder / "templates" / "captions.txt").write_text("[name], [filewords]\n")
    config = world.config(template="captions.txt", evaluate_every=30, hold_out=1, **settings)
    job = prepare(config, world.host, resume=None, from_step=None)
    return assemble(job, world.host.leased, control=Control(), emit=world.events.append)  # type: ignore[arg-type]


def _tags(world: World) -> set[str]:
    prompts = [event.prompt for event in world.of(Stepped)]
    return {word for prompt in prompts for word in prompt.replace(",", " ").split() if word.startswith("tag")}


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_measured_is_not_trained_in_any_form(world: World, flip: bool, seed: int) -> None:
    trainer = _trainer(world, steps=30, flip=flip, seed=seed)
    assert trainer.loop() == "done"
    assert trainer.evaluation is not None
    measured = {trainer.plan.pictures[index] for index in trainer.evaluation.fixed_batch.pictures}
    assert len(measured) == 1
    assert _tags(world) == {"tag0", "tag1", "tag2"} - {f"tag{Path(path).stem}" for path in measured}
