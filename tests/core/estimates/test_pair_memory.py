"""How much memory a pair takes, and what becomes of the reconstruction loss where it does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine_world import make_world, run_folder

from textual_inversion.core.estimates.needs import memory_of, reconstruction_refused
from textual_inversion.core.model.shape import ModelShape, TextShape, unet_blocks
from textual_inversion.core.record.events import Warned
from textual_inversion.core.run import train as run
from textual_inversion.core.settings.train_config import TrainConfig

CARD = ModelShape(
    unet=unet_blocks(channels=(320, 640, 1280, 1280), blocks=2, depths=(1, 1, 1, 0), middle_depth=1),
    text=[TextShape(layers=12, width=768, inner_width=3072)],
    vae_channels=(128, 256, 512, 512),
    weights={"unet": 1_719_000_000, "text": 492_000_000, "vae": 167_000_000},
    device="cuda:0",
    activation_bytes=2,
    vae_bytes=2,
)
SIZES = [(512, 512)]
PLAIN = TrainConfig(name="thing", width=512, height=512, image_every=0)
PAIR = PLAIN.replace(apt=True)


def training(config: TrainConfig) -> int:
    return memory_of(config, SIZES, CARD).training


def test_a_pair_keeps_twice_as_much_unless_its_halves_take_turns() -> None:
    assert training(PAIR) == pytest.approx(2 * training(PLAIN), rel=0.01)
    assert training(PAIR.replace(halves_in_turn=True)) == training(PLAIN)


def test_the_decoder_needs_gigabytes_and_the_vae_on_the_card() -> None:
    """At 512 pixels in half precision the decoder of SD 1.x keeps about 4750 numbers a pixel."""
    estimate = memory_of(PAIR.replace(reconstruction=1.0), SIZES, CARD)
    assert estimate.training - training(PAIR) == pytest.approx(4750 * 512 * 512 * 2, rel=0.1)
    assert estimate.parked == 0


def test_it_is_refused_only_where_it_does_not_fit() -> None:
    config = PAIR.replace(reconstruction=1.0)
    need = memory_of(config, SIZES, CARD).beside_model
    assert reconstruction_refused(config, SIZES, CARD, free=need) is None
    for other, shape, free in ((PAIR, CARD, 0), (PLAIN.replace(reconstruction=1.0), CARD, 0), (config, None, 0), (config, CARD, None)):  # fmt: skip
        assert reconstruction_refused(other, SIZES, shape, free=free) is None
    sentence = reconstruction_refused(config, SIZES, CARD, free=3_000_000_000)
    assert sentence is not None
    assert "was switched off" in sentence
    assert "3.0 GB are free on cuda:0" in sentence


@pytest.mark.parametrize(("free", "weight"), [(2_000_000, 0.0), (10**12, 0.5)])
def test_a_run_on_a_small_card_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, weight: float
) -> None:
    world = make_world(tmp_path)
    world.create(apt=True, negative_vectors=3)
    monkeypatch.setattr(run, "free_memory", lambda device: free)
    monkeypatch.setattr(world.host, "model_shape", lambda: CARD)
    finished = world.train(world.config(apt=True, reconstruction=0.5, steps=3))
    assert finished.outcome == "done", finished.message
    told = [event.message for event in world.of(Warned) if "reconstruction" in event.message]
    assert len(told) == (0 if weight else 1)
    plan = json.loads(run_folder(world).plan.read_text())
    assert plan["config"]["reconstruction"] == weight
