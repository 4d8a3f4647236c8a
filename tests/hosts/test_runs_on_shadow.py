"""Runs of every kind on a device that is not the CPU: they end as on the CPU, with the same losses and vectors.

The shadow device computes with the CPU's kernels, so in float32 a run there is the run here; what differs is a fault of the device's handling.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_training import wait_for
from host_bench import Bench, differences
from PIL import Image, ImageChops
from safetensors.torch import save_file
from shadow_host import standalone_on_shadow
from tiny_variants import VARIANTS

from benchmarks.shadow.device import shadow_device
from textual_inversion.core.base.control import Control
from textual_inversion.core.dataset.spread_mask import spread_mask
from textual_inversion.core.embedding.pair import negative_path
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.model.host import LeaseRequest, PictureRequest
from textual_inversion.core.record.events import Event, Finished, Stepped
from textual_inversion.core.record.publish_step import use_step
from textual_inversion.core.run.train import train
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.lora.names import layers_by_name
from textual_inversion.runs.sheet_request import SheetRequest
from textual_inversion.runs.sheets import SheetPlan, Sheets

PAIR = {"apt": True, "guidance": "1.5-3.0:cos"}
RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "previews and copies": {"image_every": 2, "save_every": 2, "tensorboard": True},
    "pair": PAIR,
    "pair with reconstruction": {**PAIR, "reconstruction": 0.5, "batch_size": 1},
    "pair, one half after the other": {**PAIR, "halves_in_turn": True, "negative_ema": 0.9, "negative_lr_weight": 0.5},
    "pair with masks and previews": {**PAIR, "masks": True, "image_every": 3},
    "masks": {"masks": True, "mask_floor": 0.1},
    "measured, the best step kept": {"evaluate_every": 2, "hold_out": 1, "keep_best": True, "save_every": 2},
    "stops by itself": {"evaluate_every": 1, "auto_stop": True, "learning_rate": "1e-6", "steps": 12},
    "blocks computed again": {"recompute": "full"},
    "everything kept": {"recompute": "none"},
    "varied pictures and noise": {
        "flip": True,
        "latent_sampling": "random",
        "noise_offset": 0.05,
        "shuffle_tags": True,
    },
    "timesteps": {"timesteps": "stratified", "min_snr_gamma": 5.0, "timestep_bias": "noisy"},
    "loss": {"loss": "huber", "context_weight": 0.5, "loss_weighting": "velocity"},
    "averaged, clipped, kept in norm": {
        "ema": 0.9,
        "clip_gradient": "norm",
        "norm_rule": "clamp",
        "weight_decay": 0.01,
    },
    "direction": {"optimizer": "direction", "norm_rule": "fixed", "direction_prior": 1e-4},
    "prodigy": {"optimizer": "prodigy", "learning_rate": "1"},
    "an optimiser by its name": {"optimizer": "torch.optim.NAdam"},
    "accumulated": {"gradient_accumulation": 2, "batch_size": 1},
}


@dataclass
class World:
    """A bench whose pictures have masks, and what a run there said."""

    bench: Bench
    events: list[Event] = field(default_factory=list)

    def run(self, *, pause_at: int = 0, **changes: Any) -> Finished:
        config = self.bench.config(**{"name": "seen", "steps": 6, "save_every": 0, "image_every": 0, **changes})
        files = create(
            self.bench.host, name="seen", init_text="ball", vectors=2, overwrite=True, apt=config.apt,
            **({"negative_vectors": 2} if config.apt else {}),
        )  # fmt: skip
        assert files.exists()
        finished = self._train(config, pause_at=pause_at)
        if pause_at:
            assert finished.outcome == "paused", finished.message
            finished = self._train(config, resume=Path(finished.run_dir))
        return finished

    def _train(self, config: Any, *, pause_at: int = 0, **options: Any) -> Finished:
        control = Control()

        def emit(event: Event) -> None:
            self.events.append(event)
            if isinstance(event, Stepped) and event.step == pause_at:
                control.pause()

        return train(config, self.bench.host, control=control, emit=emit, **options)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    written: dict[str, Path] = {}

    def write(variant: str) -> Path:
        if variant not in written:
            written[variant] = VARIANTS[variant].write(tmp_path_factory.mktemp(variant))
        return written[variant]

    return write


@pytest.fixture
def world_on(tmp_path: Path, checkpoints: Callable[[str], Path]) -> Callable[..., World]:
    def make(device: str, variant: str = "sd1", **options: Any) -> World:
        folder = tmp_path / f"{variant}-{device}"
        host = StandaloneHost(
            embeddings_dir=folder / "embeddings", checkpoint=checkpoints(variant), device=device, **options
        )
        world = World(Bench(host=host, variant=variant, folder=folder, modules=lambda: host.load().modules()))
        world.bench.config()
        for index in range(3):
            mask = Image.new("L", (64, 64), 255)
            mask.paste(0, (0, 0, 20 + 10 * index, 64))
            mask.save(folder / "pictures" / f"{index}_mask.png")
        return world

    return make


@pytest.fixture(autouse=True)
def shadow_is_there() -> Iterator[None]:
    with standalone_on_shadow():
        yield


def losses(finished: Finished) -> list[dict[str, str]]:
    with (Path(finished.run_dir) / "textual_inversion_loss.csv").open() as file:
        return list(csv.DictReader(file))


def assert_same_run(here: Finished, there: Finished, *, loosely: float = 1.0) -> None:
    """The outcome, every figure of the loss table, and the vectors of both halves."""
    assert (there.outcome, there.step) == (here.outcome, here.step), there.message
    for one, other in zip(losses(here), losses(there), strict=True):
        for column in one.keys() - {"seconds"}:
            if one[column]:
                assert float(other[column]) == pytest.approx(float(one[column]), rel=1e-3 * loosely, abs=1e-5 * loosely)
    for path, other in zip(files_of(here), files_of(there), strict=True):
        old, new = read_embedding(path), read_embedding(other)
        assert old.step == new.step
        for key, rows in old.vectors.items():
            torch.testing.assert_close(new.vectors[key], rows, atol=2e-5 * loosely, rtol=1e-4 * loosely)


def files_of(finished: Finished) -> list[Path]:
    path = Path(finished.embedding)
    return [each for each in (path, negative_path(path)) if each.is_file()]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_that_of_the_cpu(world_on, name):
    settings = RUNS[name]
    here, there = (world_on(device).run(**settings) for device in ("cpu", "shadow"))
    assert_same_run(here, there)


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        ("sd2", "pair with reconstruction"),
        ("inpainting", "previews and copies"),
        ("sdxl", "previews and copies"),
        ("sdxl", "pair with reconstruction"),
        ("sdxl", "blocks computed again"),
    ],
)
def test_a_run_of_other_models(world_on, variant, name):
    settings = RUNS[name]
    here, there = (world_on(device, variant).run(**{**settings, "steps": 3}) for device in ("cpu", "shadow"))
    assert_same_run(here, there)


@pytest.mark.parametrize("name", ["pair with reconstruction", "averaged, clipped, kept in norm", "prodigy"])
def test_a_run_that_paused_goes_on_as_if_it_had_not(world_on, name):
    settings = {**RUNS[name], "save_every": 2, "evaluate_every": 2, "image_every": 2}
    whole = world_on("cpu").run(**settings)
    paused = world_on("shadow").run(**settings, pause_at=3)
    assert_same_run(whole, paused)


@pytest.mark.parametrize(
    ("variant", "precision", "name"),
    [
        ("sd1", "float16", "previews and copies"),
        ("sd1", "float16", "pair with reconstruction"),
        ("sd1", "float16", "blocks computed again"),
        ("sd1", "bfloat16", "plain"),
        ("sdxl", "float16", "pair with reconstruction"),
    ],
)
def test_runs_in_half_precision(world_on, variant, precision, name):
    """Near those in float32; not their bits."""
    settings = {**RUNS[name], "steps": 2, "evaluate_every": 2}
    here = world_on("cpu", variant).run(**settings)
    there = world_on("shadow", variant, precision=precision).run(**settings)
    assert (there.outcome, there.step) == (here.outcome, here.step), there.message
    for one, other in zip(losses(here), losses(there), strict=True):
        assert float(other["loss"]) == pytest.approx(float(one["loss"]), rel=0.1)
    for path in files_of(there):
        assert all(bool(torch.isfinite(rows).all()) for rows in read_embedding(path).vectors.values())


def test_pictures_are_those_of_the_cpu(world_on):
    request = PictureRequest(
        prompt="a (photo:1.2) of ball", negative_prompt="red", steps=3, seed=4, width=64, height=64
    )
    made = []
    for device in ("cpu", "shadow"):
        with world_on(device, "sdxl").bench.host.lease(LeaseRequest()) as lease:
            made.append(lease.picture(request, embeddings={}).image)
    assert max(high for _, high in ImageChops.difference(*made).getextrema()) <= 1


@pytest.mark.parametrize(
    ("variant", "sampler"), [("sd1", "Euler"), ("sd1", "Heun"), ("sd2", "DPM++ 2M Karras"), ("sd2", "DDIM")]
)
def test_samplers(world_on, variant, sampler):
    request = PictureRequest(prompt="a ball", sampler=sampler, steps=3, width=64, height=64)
    with world_on("shadow", variant).bench.host.lease(LeaseRequest()) as lease:
        assert lease.picture(request, embeddings={}).image.size == (64, 64)


def test_saved_steps_are_compared_on_a_sheet(world_on, tmp_path):
    """Vectors of files lie on the CPU, and go to the model's device."""
    world = world_on("shadow", "sdxl")
    finished = world.run(save_every=3)
    kept = sorted((Path(finished.run_dir) / "embeddings").iterdir())
    columns = [(path.stem, read_embedding(path)) for path in kept]
    request = SheetRequest(width=64, height=64, sampling_steps=2)
    plan = SheetPlan(
        name="seen", columns=columns, prompts=["a seen", "seen, red"], request=request, path=tmp_path / "sheet.png"
    )
    sheets = Sheets(world.bench.host, borrow=nullcontext)
    sheets.start(plan)
    sheet = wait_for(lambda: (found := sheets.newest()) and not found.active and found)
    assert (sheet.state, len(sheet.pictures)) == ("done", 4), sheet.message


def test_a_step_is_taken_and_used(world_on):
    world = world_on("shadow")
    finished = world.run(save_every=2)
    use_step(Path(finished.run_dir), 2, world.bench.host)
    assert read_embedding(Path(finished.embedding)).step == 2
    with world.bench.host.lease(LeaseRequest()) as lease:
        assert lease.picture(PictureRequest(prompt="seen", steps=2, width=64, height=64), embeddings={}).image.size == (
            64,
            64,
        )


def test_a_mask_is_spread_as_on_the_cpu(world_on):
    spread = []
    for device in ("cpu", "shadow"):
        world = world_on(device)
        pictures = world.bench.folder / "pictures"
        Image.radial_gradient("L").resize((64, 64)).convert("RGB").save(pictures / "0.png")
        with world.bench.host.lease(LeaseRequest()) as lease:
            path = spread_mask(pictures / "0.png", pictures / "0_mask.png", None, lease=lease, native_size=512)
        spread.append(Image.open(path).convert("L"))
    assert ImageChops.difference(*spread).getextrema()[1] <= 1


def test_a_lora_is_in_the_model_while_a_run_trains(world_on, tmp_path):
    generator = torch.Generator().manual_seed(0)
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
    ends = []
    for device in ("cpu", "shadow"):
        world = world_on(device)
        layer = layers_by_name(world.bench.host.load().networks, world.bench.host.load().layout.unet.shape)[name]
        out, inside = layer.weight.shape
        halves = {"lora_down.weight": (2, inside), "lora_up.weight": (out, 2)}
        file = tmp_path / "lora.safetensors"
        if not file.exists():
            save_file({f"{name}.{half}": torch.randn(size, generator=generator) for half, size in halves.items()}, file)
        before = world.bench.fingerprint()
        ends.append(world.run(lora=[f"{file}:0.7"], image_every=3))
        left = differences(before, world.bench.fingerprint())
        left.pop("embeddings", None)
        assert left == {}
    assert_same_run(*ends)


def test_too_little_memory_is_a_sentence_and_leaves_the_host_as_it_was(world_on):
    world = world_on("shadow")
    world.run()
    before = world.bench.fingerprint()
    device = shadow_device()
    device.memory.limit = device.ledger.held + 2_000_000
    finished = world.run(batch_size=3)
    device.memory.limit = None
    assert (finished.outcome, finished.exit_code) == ("failed", 4)
    assert "memory" in finished.message
    left = differences(before, world.bench.fingerprint())
    left.pop("embeddings", None)
    assert left == {}
    assert world.run(batch_size=3).outcome == "done"
