"""The first losses of fixed runs, kept as text: no change of the engine passes by unseen.

A change that is meant: TI_WRITE_REFERENCE=1 writes the files anew; look at the difference before keeping it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from engine_world import World, make_world
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.model.host import NoiseSchedule
from textual_inversion.core.record.events import Evaluated, Stepped
from textual_inversion.hosts.standalone import StandaloneHost

FOLDER = Path(__file__).parent / "reference"

ALL_ON: dict[str, Any] = {
    "batch_size": 2,
    "gradient_accumulation": 2,
    "learning_rate": "warmup:2, 0.02:5, 0.01 cosine 0.001",
    "shuffle_tags": True,
    "tag_dropout": 0.3,
    "keep_tags": 1,
    "caption_dropout": 0.2,
    "latent_sampling": "random",
    "flip": True,
    "ema": 0.9,
    "norm_rule": "clamp",
    "norm_limit": 1.0,
    "clip_gradient": "norm",
    "clip_value": "0.05",
    "weight_decay": 0.01,
    "beta2": 0.99,
    "timesteps": "stratified",
    "min_timestep": 100,
    "max_timestep": 900,
    "noise_offset": 0.05,
    "min_snr_gamma": 5.0,
    "seed": 7,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "all-options": ALL_ON,
    "prodigy": {"optimizer": "prodigy", "learning_rate": "1", "beta2": 0.99},
    "huber-min-snr": {"loss": "huber", "huber_delta": 0.3, "min_snr_gamma": 5.0, "batch_size": 3},
    "direction-velocity": {
        "optimizer": "direction",
        "learning_rate": "0.05 cosine",
        "direction_prior": 0.1,
        "loss_weighting": "velocity",
        "timestep_bias": "noisy",
        "context_weight": 0.1,
        "hold_out": 1,
        "batch_size": 2,
    },
    "v-prediction": {"min_snr_gamma": 5.0, "latent_sampling": "once", "clip_gradient": "value"},
}


def _numbers(world: World) -> list[tuple[str, float]]:
    losses = [(f"step {event.step}", event.loss) for event in world.of(Stepped)]
    return losses + [(f"fixed batch at {event.step}", event.loss) for event in world.of(Evaluated)]


def _compare(name: str, found: list[tuple[str, float]], *, tolerance: float) -> None:
    path = FOLDER / f"{name}.txt"
    if os.environ.get("TI_WRITE_REFERENCE"):
        path.write_text("".join(f"{label}: {value:.9g}\n" for label, value in found))
    lines = [line.split(": ") for line in path.read_text().splitlines()]
    assert [label for label, _ in lines] == [label for label, _ in found]
    assert [value for _, value in found] == pytest.approx([float(value) for _, value in lines], rel=tolerance)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_fixed_run_on_the_fake_host(tmp_path: Path, name: str) -> None:
    world = make_world(tmp_path)
    schedule = world.host.leased.schedule
    if name == "v-prediction":
        world.host.leased.schedule = NoiseSchedule(
            alphas_cumprod=schedule.alphas_cumprod, prediction_type="v_prediction"
        )
    world.create(init_text="red thing")
    finished = world.train(world.config(steps=10, evaluate_every=5, evaluate_samples=4, **CONFIGS[name]))
    assert finished.outcome == "done"
    _compare(name, _numbers(world), tolerance=1e-6)


PAIRS: dict[str, dict[str, Any]] = {
    "pair": {},
    "pair-all-options": {
        "guidance": "1.5-3.0:cos",
        "negative_lr_weight": 2.0,
        "ema": 0.9,
        "negative_ema": 0.5,
        "negative_filewords": False,
        "reconstruction": 0.5,
        "halves_in_turn": True,
        "gradient_accumulation": 3,
        "clip_gradient": "norm",
        "clip_value": "1",
        "latent_sampling": "once",
    },
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_fixed_run_of_a_pair(tmp_path: Path, name: str) -> None:
    world = make_world(tmp_path)
    world.create(init_text="red thing", apt=True, negative_vectors=3)
    finished = world.train(world.config(apt=True, steps=10, evaluate_every=5, evaluate_samples=4, **PAIRS[name]))
    assert finished.outcome == "done"
    _compare(name, _numbers(world), tolerance=1e-6)


def test_a_fixed_run_on_a_tiny_checkpoint(tmp_path: Path) -> None:
    """Convolutions and attention too, so a little wider: their sums are ordered by the processor's instructions."""
    world = make_world(tmp_path)
    world.host = StandaloneHost(  # type: ignore[assignment]
        checkpoint=make_tiny_checkpoint(tmp_path / "tiny.safetensors"),
        embeddings_dir=tmp_path / "embeddings",
        template_dirs=[tmp_path / "templates"],
        device="cpu",
    )
    world.create(init_text="red thing")
    finished = world.train(world.config(steps=10, evaluate_every=5, evaluate_samples=2, latent_sampling="random"))
    assert finished.outcome == "done", finished.message
    _compare("tiny-checkpoint", _numbers(world), tolerance=1e-5)
