"""One case: the engine's own optimiser step, timed against a forward pass of the same batch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from PIL import Image

from textual_inversion.core.base.control import Control
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.model.host import Host, LeaseRequest, Recompute
from textual_inversion.core.run.assembly import assemble
from textual_inversion.core.run.checks import prepare
from textual_inversion.core.run.loop import Trainer
from textual_inversion.core.settings.train_config import TrainConfig

from .memory import PeakMemory

NAME = "benchmark-embedding"
_RATE = 1e-6
"""Small, so that the vectors of a model without sense stay where they are."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """``size`` in pixels; ``repeats`` counts the timed pairs of step and forward."""

    model: str
    size: int
    batch_size: int
    recompute: Recompute
    repeats: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Medians. ``step_cost_forwards`` is a whole optimiser step over one forward of U-Net and text encoder without gradient."""

    model: str
    size: int
    batch_size: int
    recompute: Recompute
    device: str
    step_cost_forwards: float
    steps_per_second: float
    forward_seconds: float
    peak_memory_mb: float


@dataclass(frozen=True, kw_only=True)
class _Times:
    """Medians in seconds; ``ratio`` is that of steps to their neighbouring forwards."""

    ratio: float
    step: float
    forward: float
    megabytes: float


def measure(case: Case, host: Host, folder: Path) -> Measured:
    """Prepare a run of the case as any other run is prepared, and time its steps. ``folder`` takes its files."""
    if not (host.embeddings_dir / f"{NAME}.pt").exists():
        create(host, name=NAME, init="noise", vectors=2)
    job = prepare(_config(case, folder), host, resume=None, from_step=None)
    with host.lease(LeaseRequest(recompute=case.recompute)) as lease:
        trainer = assemble(job, lease, control=Control(), emit=lambda _: None)
        times = _time(trainer, case.repeats)
        trainer.recorder.close()
        device = str(lease.device)
    return Measured(
        model=case.model,
        size=case.size,
        batch_size=case.batch_size,
        recompute=case.recompute,
        device=device,
        step_cost_forwards=round(times.ratio, 3),
        steps_per_second=round(1 / times.step, 4),
        forward_seconds=round(times.forward, 4),
        peak_memory_mb=round(times.megabytes),
    )


def _config(case: Case, folder: Path) -> TrainConfig:
    pictures = folder / f"pictures-{case.size}"
    if not pictures.exists():
        pictures.mkdir()
        for index in range(4):
            Image.radial_gradient("L").resize((case.size, case.size)).rotate(20 * index).save(pictures / f"{index}.png")
    return TrainConfig(
        name=NAME,
        data=(str(pictures),),
        template="subject.txt",
        width=case.size,
        height=case.size,
        batch_size=case.batch_size,
        recompute=case.recompute,
        log_dir=str(folder / "runs"),
    )


def _time(trainer: Trainer, repeats: int) -> _Times:
    """Forwards and steps in turns: each step is compared with the forwards right before and after it, so that a machine
    that drifts, or is busy with something else for a while, meets both."""
    device = trainer.lease.device

    def step(number: int) -> None:
        trainer.learner.advance(trainer.gradients, number, rate=_RATE, clip_limit=1.0, stop_wanted=lambda: False)

    forward = _forward(trainer)
    step(0)
    forward()
    steps: list[float] = []
    with PeakMemory(device) as peak:
        forwards = [_seconds(forward, device)]
        for number in range(1, repeats + 1):
            steps.append(_seconds(lambda at=number: step(at), device))
            forwards.append(_seconds(forward, device))
    around = [(before + after) / 2 for before, after in pairwise(forwards)]
    return _Times(
        ratio=statistics.median(step / forward for step, forward in zip(steps, around, strict=True)),
        step=statistics.median(steps),
        forward=statistics.median(forwards),
        megabytes=peak.megabytes,
    )


def _forward(trainer: Trainer) -> Callable[[], None]:
    """Run what the host alone needs for the same batch: text encoder and U-Net, without gradient."""
    lease, config = trainer.lease, trainer.plan.config
    side = config.width // trainer.gradients.pixels_per_latent
    noisy = torch.randn(config.batch_size, 4, side, side, device=lease.device)
    timesteps = torch.full((config.batch_size,), 500, device=lease.device)
    prompts = [trainer.plan.prompts[0].replace("[name]", config.name)] * config.batch_size

    @torch.no_grad()
    def forward() -> None:
        vectors = {config.name: {key: rows.detach() for key, rows in trainer.learner.vectors.items()}}
        conditioning = lease.encode_prompts(prompts, embeddings=vectors, width=config.width, height=config.height)
        lease.predict(noisy, timesteps, conditioning)

    return forward


def _seconds(work: Callable[[], None], device: torch.device) -> float:
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
