"""Lack of memory makes steps smaller, and not the run shorter; the gradients stay the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_world import World, make_world, vectors_of

from textual_inversion.core.base.control import Control
from textual_inversion.core.record.events import Stepped, Warned
from textual_inversion.core.run.assembly import assemble
from textual_inversion.core.run.checks import prepare


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.create()
    return made


SETTINGS: list[dict[str, Any]] = [
    {},
    {"gradient_accumulation": 2},
    {"min_snr_gamma": 5.0, "loss": "huber", "timesteps": "stratified"},
    {"context_weight": 0.3},
    {"noise_offset": 0.1, "latent_sampling": "random"},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("parts", [2, 3, 4])
def test_parts_of_a_batch_have_its_gradient(world: World, settings: dict[str, Any], parts: int) -> None:
    job = prepare(world.config(batch_size=4, **settings), world.host, resume=None, from_step=None)
    trainer = assemble(job, world.host.leased, control=Control(), emit=world.events.append)  # type: ignore[arg-type]
    found = []
    for steps in (trainer.gradients, replace(trainer.gradients, parts=parts)):
        vectors = {key: rows.detach().clone().requires_grad_() for key, rows in trainer.learner.vectors.items()}
        result = steps.run(vectors, 3)
        found.append((result, [rows.grad for rows in vectors.values()]))
    (whole, gradients), (cut, same) = found
    assert cut.loss == pytest.approx(whole.loss, rel=1e-6)
    assert cut.prompt == whole.prompt
    for one, other in zip(gradients, same, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_batches_of_no_even_size_are_cut_whole(world: World) -> None:
    job = prepare(world.config(batch_size=5), world.host, resume=None, from_step=None)
    steps = assemble(job, world.host.leased, control=Control(), emit=world.events.append).gradients  # type: ignore[arg-type]
    batch = steps.drawn(0, 0)
    for parts, sizes in ((1, [5]), (2, [3, 2]), (4, [2, 2, 1]), (5, [1] * 5)):
        cut = list(batch.cut(parts))
        assert [len(part) for part in cut] == sizes
        assert [index for part in cut for index in part.indices] == list(batch.indices)
        assert torch.equal(torch.cat([part.noise for part in cut]), batch.noise)


def warnings_of(world: World) -> list[str]:
    return [event.message for event in world.of(Warned) if event.message.startswith("Out of memory")]


def test_a_step_that_does_not_fit_is_made_again_in_halves(world: World) -> None:
    plain = vectors_of(world.train(world.config(batch_size=4)).embedding)
    world.create(overwrite=True)
    world.events.clear()
    world.host.leased.room_for = 2
    finished = world.train(world.config(batch_size=4))
    assert (finished.outcome, finished.step) == ("done", 20)
    assert [event.step for event in world.of(Stepped)] == list(range(1, 21)), "no step is lost, none counted twice"
    assert warnings_of(world) == [
        "Out of memory with 4 pictures at a time. Step 1 is made again with 2 at a time, whose gradients are added up, and so are all "
        "that follow: the result is the same."
    ]
    torch.testing.assert_close(vectors_of(finished.embedding), plain, rtol=1e-3, atol=1e-5)


def test_once_no_batch_is_left_to_halve_more_is_computed_again(world: World) -> None:
    world.host.leased.room_for, world.host.leased.recompute = 1, "none"
    memory = torch.cuda.OutOfMemoryError("CUDA out of memory")
    world.host.leased.fails_at = dict.fromkeys((3, 4), memory)
    finished = world.train(world.config(batch_size=2))
    assert finished.outcome == "done"
    assert world.host.leased.recompute == "full"
    assert warnings_of(world) == [
        "Out of memory with 2 pictures at a time. Step 1 is made again with 1 at a time, whose gradients are added up, and so are all "
        "that follow: the result is the same.",
        "Out of memory with one picture at a time. Step 1 is made again, and from now on what is cheap of the U-Net is computed again in "
        "each step: the result is the same.",
        "Out of memory with one picture at a time. Step 1 is made again, and from now on all of the U-Net is computed again in each step, "
        "which takes about a third longer: the result is the same.",
    ]


def test_what_fails_for_another_reason_is_not_tried_again(world: World) -> None:
    world.host.leased.fails_at = {2: RuntimeError("CUDA error: an illegal memory access")}
    finished = world.train(world.config(batch_size=2))
    assert (finished.outcome, finished.exit_code) == ("failed", 1)
    assert warnings_of(world) == []


def test_an_attempt_that_failed_leaves_no_gradient(world: World) -> None:
    """The second half of the first attempt fails, when the first has left its gradient."""
    plain = vectors_of(world.train(world.config(batch_size=2, gradient_accumulation=2, steps=1)).embedding)
    world.create(overwrite=True)
    world.host.leased.predictions = 0
    world.host.leased.fails_at = {2: torch.cuda.OutOfMemoryError("CUDA out of memory")}
    finished = world.train(world.config(batch_size=2, gradient_accumulation=2, steps=1))
    assert finished.outcome == "done"
    torch.testing.assert_close(vectors_of(finished.embedding), plain, rtol=1e-4, atol=1e-6)
