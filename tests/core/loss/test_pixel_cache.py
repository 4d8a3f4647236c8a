"""The pixels behind the reconstruction loss: the very ones that were encoded, read once as far as they fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from engine_world import World
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset.decode import DecodedPicture, decoded
from textual_inversion.core.dataset.survey import survey
from textual_inversion.core.loss import reconstruction
from textual_inversion.core.loss.reconstruction import PixelCache
from textual_inversion.core.record.events import Event, Stepped
from textual_inversion.core.settings.train_config import TrainConfig


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    for index in range(3):
        Image.effect_noise((90, 70), 60 + index).convert("RGB").save(tmp_path / f"{index}.png")
    return TrainConfig(data=(str(tmp_path),), width=64, height=64, flip=True)


def _filled(config: TrainConfig, **options: int) -> tuple[PixelCache, list[torch.Tensor]]:
    cache, pixels = PixelCache(config, **options), []
    for picture in decoded(survey(config).dataset(flip=True).items, config):
        assert isinstance(picture, DecodedPicture)
        cache.keep(picture)
        pixels.append(picture.pixels())
    return cache, pixels


@pytest.mark.parametrize("room", [0, 3, 6])
def test_pixels_are_those_that_were_encoded_whether_they_fit_or_not(config: TrainConfig, room: int) -> None:
    cache, pixels = _filled(config, most_bytes=room * 64 * 64 * 3)
    assert torch.equal(cache([5, 0, 3, 3]), torch.stack([pixels[index] for index in (5, 0, 3, 3)]))


def test_what_is_kept_needs_no_file_any_more(config: TrainConfig) -> None:
    cache, pixels = _filled(config)
    for path in Path(config.data[0]).iterdir():
        path.unlink()
    assert torch.equal(cache(range(6)), torch.stack(pixels))


def test_a_file_that_changed_is_told_where_it_has_to_be_read_again(config: TrainConfig) -> None:
    cache, _ = _filled(config, most_bytes=0)
    Image.new("RGB", (80, 80)).save(Path(config.data[0]) / "1.png")
    with pytest.raises(InputError, match=r"1\.png has changed since training began"):
        cache([2])


def _train_pair(world: World, on_event: Callable[[Event], None]) -> list[float]:
    world.create(apt=True)
    world.on_event = on_event
    finished = world.train(world.config(apt=True, reconstruction=0.5, steps=4))
    assert finished.outcome == "done", finished.message
    return [event.loss for event in world.of(Stepped)]


def test_training_decodes_no_picture_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconstruction, "decode", lambda *_: pytest.fail("decoded again"))
    assert len(_train_pair(world, lambda _: None)) == 4


def test_a_folder_that_is_cleared_while_it_trains_does_not_end_the_run(world: World) -> None:
    def clear(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == 1:
            for path in (world.folder / "pictures").iterdir():
                path.unlink()

    assert len(_train_pair(world, clear)) == 4
