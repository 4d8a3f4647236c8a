"""The cache of latents: what is kept, how it is sampled, what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from engine_world import World
from PIL import Image

from textual_inversion.core.base.control import Control
from textual_inversion.core.dataset.items import DatasetItem
from textual_inversion.core.loss.gradients import GradientStep
from textual_inversion.core.loss.latents import CachedPicture, LatentCache
from textual_inversion.core.model.host import LatentMoments
from textual_inversion.core.record.events import Encoding, Stepped, Warned
from textual_inversion.core.run.assembly import assemble
from textual_inversion.core.run.checks import prepare


def _picture(value: float, *, weights: torch.Tensor | None = None) -> CachedPicture:
    mean = torch.full((4, 8, 8), value)
    item = DatasetItem(path=Path("a.png"), source_size=(64, 64), size=(64, 64), box=(0, 0, 64, 64), caption="")
    return CachedPicture(item=item, mean=mean, std=torch.full_like(mean, 0.5), weights=weights)


def _cache(sampling: str, *, seed: int = 1, weights: torch.Tensor | None = None) -> LatentCache:
    return LatentCache([_picture(0.0), _picture(10.0, weights=weights)], sampling=sampling, seed=seed)  # type: ignore[arg-type]


def _latents(cache: LatentCache, indices: list[int], *, step: int = 0, micro: int = 0) -> torch.Tensor:
    return cache.batch(indices, step=step, micro=micro)[0]


def test_deterministic_is_the_mean() -> None:
    cache = _cache("deterministic")
    assert torch.equal(_latents(cache, [1, 0])[:, 0, 0, 0], torch.tensor([10.0, 0.0]))
    assert torch.equal(_latents(cache, [1], step=5), cache.means([1])[0])


def test_once_is_one_sample_for_the_whole_run() -> None:
    cache = _cache("once")
    first = _latents(cache, [0, 1])
    assert 0.4 < first[0].std().item() < 0.6
    assert torch.equal(_latents(cache, [1, 0], step=7, micro=2).flip(0), first)
    assert not torch.equal(_latents(_cache("once", seed=2), [0, 1]), first)


def test_random_is_a_new_sample_each_time_and_the_same_for_the_same_step() -> None:
    cache = _cache("random")
    first = _latents(cache, [0, 0], step=3)
    assert 0.4 < first.std().item() < 0.6
    assert not torch.equal(first[0], first[1])
    torch.manual_seed(5)
    assert torch.equal(_latents(cache, [0, 0], step=3), first)
    for step, micro in [(4, 0), (3, 1)]:
        assert not torch.equal(_latents(cache, [0, 0], step=step, micro=micro), first)
    assert torch.equal(cache.means([1])[0], torch.full((1, 4, 8, 8), 10.0))


def test_weights_stand_beside_their_pictures() -> None:
    weights = torch.rand(8, 8)
    cache = _cache("deterministic", weights=weights)
    assert cache.batch([0, 0], step=0, micro=0)[1] is None
    found = cache.batch([0, 1], step=0, micro=0)[1]
    assert found is not None
    assert found.shape == (2, 1, 8, 8)
    assert torch.equal(found[0], torch.ones(1, 8, 8))
    assert torch.equal(found[1, 0], weights)


def _gradients(world: World, **settings: object) -> GradientStep:
    world.create()
    job = prepare(world.config(**settings), world.host, resume=None, from_step=None)
    return assemble(job, world.host.leased, control=Control(), emit=world.events.append).gradients  # type: ignore[arg-type]


def test_every_picture_is_encoded_once_and_counted(world: World) -> None:
    gradients = _gradients(world, flip=True)
    assert len(gradients.latents) == 6
    assert [(event.done, event.total) for event in world.of(Encoding)] == [(done, 6) for done in range(1, 7)]


def test_latents_that_are_no_numbers_name_the_picture(world: World) -> None:
    world.create()
    world.host.leased.encode_images = lambda pixels: LatentMoments(  # type: ignore[method-assign]
        mean=torch.full((1, 4, 8, 8), math.nan), std=torch.ones(1, 4, 8, 8)
    )
    finished = world.train()
    assert finished.exit_code == 2
    assert f"no finite latents for {world.folder / 'pictures' / '0.png'}" in finished.message
    assert "choose precision float32" in finished.message
    assert not (world.folder / "log").exists()


def test_pictures_that_change_after_they_were_checked_are_taken_as_they_are(world: World) -> None:
    world.create()
    job = prepare(world.config(fit="none", batch_size=3), world.host, resume=None, from_step=None)
    Image.new("RGB", (80, 64)).save(world.folder / "pictures" / "1.png")
    gradients = assemble(job, world.host.leased, control=Control(), emit=world.events.append).gradients  # type: ignore[arg-type]
    assert [item.size for item in gradients.latents.items] == [(64, 64), (80, 64), (64, 64)]
    batches = {tuple(sorted(set(gradients.batches.batch(step)))) for step in range(8)}
    assert batches == {(0, 2), (1,)}


def test_every_picture_that_cannot_be_used_is_named_before_the_first_step(world: World) -> None:
    world.create()
    for name in ("1", "2"):
        Image.effect_noise((200, 200), 50).save(world.folder / "pictures" / f"{name}.png")
        path = world.folder / "pictures" / f"{name}.png"
        path.write_bytes(path.read_bytes()[:9000])
    finished = world.train()
    assert (finished.outcome, finished.exit_code) == ("failed", 2)
    first, *rest = finished.message.splitlines()
    assert first == "2 of 3 pictures cannot be used:"
    assert [line.split(" cannot be read as a picture")[0] for line in rest] == [
        str(world.folder / "pictures" / f"{name}.png") for name in ("1", "2")
    ]
    assert not world.of(Stepped)
    assert not (world.folder / "log").exists()


def test_what_only_pixels_tell_is_told_before_the_first_step(world: World) -> None:
    Image.new("RGBA", (64, 64), (9, 9, 9, 60)).save(world.folder / "pictures" / "1.png")
    world.create()
    world.train(world.config(steps=1))
    told = [event.message for event in world.of(Warned) if "transparent parts" in event.message]
    assert told == ["With transparent parts, whose stored colours are trained as well: 1.png."]


def test_a_transparent_part_moves_no_vector(world: World) -> None:
    """Half of each picture is transparent; what stands there must not matter."""
    ends = []
    for hidden in ((0, 0, 0), (255, 255, 0)):
        for index in range(3):
            picture = Image.new("RGBA", (64, 64), (*hidden, 0))
            picture.paste((200, 40 * index, 40, 255), (0, 0, 32, 64))
            picture.save(world.folder / "pictures" / f"{index}.png")
        world.create(overwrite=True)
        world.train(world.config(steps=3, alpha_weight=True))
        ends.append([event.loss for event in world.of(Stepped)][-3:])
    assert ends[0] == pytest.approx(ends[1], rel=1e-6)


def test_pictures_of_several_sizes_are_trained_in_batches_of_their_own(world: World) -> None:
    Image.new("RGB", (64, 96)).save(world.folder / "pictures" / "3.png")
    world.create()
    finished = world.train(world.config(steps=8, fit="none", batch_size=2))
    assert finished.outcome == "done"
