"""One training of the study, by the engine's own loop."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch

from ..core.base.control import Control
from ..core.base.errors import InputError
from ..core.embedding.embedding import Vectors
from ..core.embedding.pair import negative_name, negative_path, pair_name
from ..core.embeddings_folder.create import create
from ..core.formats import read_embedding
from ..core.model.host import Host, Lease, LeaseRequest
from ..core.record.events import Evaluated, Event, Stepped
from ..core.run.train import train
from ..core.settings.train_config import TrainConfig
from ..demo.world import SIZE
from .arm import Arm
from .concepts import HiddenConcept, write_training_folder
from .pool import Pool, PooledLease


@dataclass(frozen=True, kw_only=True)
class Training:
    """An arm on a concept with a seed; ``name`` is the embedding's, of one length for all in a pool."""

    arm: Arm
    concept: HiddenConcept
    seed: int
    name: str

    @property
    def folder(self) -> str:
        """Name the folder of its files, below the work folder."""
        return f"{self.arm.name}/{self.concept.name}-{self.seed}"


@dataclass
class PooledHost:
    """``host`` with a folder of embeddings and a lease for one member of a pool."""

    host: Host
    pool: Pool
    embeddings_dir: Path

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[Lease]:
        yield cast(Lease, PooledLease(self.pool))

    def embedding_names(self) -> set[str]:
        return set()

    def publish(self, path: Path) -> None:
        """Nobody but the study uses it."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The vectors of one step; ``negative`` is the other half of a pair."""

    positive: Vectors
    negative: Vectors | None

    def named(self, name: str) -> dict[str, Vectors]:
        """As prompts know them."""
        return {name: self.positive} | ({negative_name(name): self.negative} if self.negative else {})


@dataclass
class Trained:
    """Remains of a training after its last ``step``: vectors by the step they are from, and what it told."""

    step: int
    outcome: str
    kept: dict[int, Kept]
    evaluated: list[Evaluated] = field(default_factory=list[Evaluated])
    norms: dict[int, float] = field(default_factory=dict[int, float])


def begin(training: Training, host: PooledHost, work: Path) -> TrainConfig:
    """Write the pictures, make the embedding; returns the settings of the run."""
    folder = work / training.folder
    shutil.rmtree(host.embeddings_dir, ignore_errors=True)  # what a training that was cut short left there
    template = write_training_folder(
        folder / "pictures", training.concept, count=training.arm.pictures, varied=training.arm.varied
    )
    options: dict[str, Any] = {"init_text": training.concept.word, **training.arm.create}
    create(cast(Host, host), name=training.name, overwrite=True, seed=training.seed, **options)
    steps = training.arm.steps
    values: dict[str, Any] = {
        "name": training.name,
        "data": [str(folder / "pictures")],
        "template": str(template),
        "width": SIZE,
        "height": SIZE,
        "steps": steps,
        "seed": training.seed,
        "log_dir": str(folder / "log"),
        "save_every": 0,
        "image_every": 0,
        "csv_every": 0,
        "evaluate_every": max(1, steps // 20),
        **training.arm.train,
    }
    if training.arm.judged_at:
        values["save_every"] = round(steps * min(training.arm.judged_at))
    return TrainConfig.from_mapping(values)


def follow(training: Training, config: TrainConfig, host: PooledHost) -> Trained:
    """Train to the end, and collect. For a member's own thread."""
    torch.set_num_threads(1)
    told: list[Event] = []
    finished = train(config, cast(Host, host), control=Control(), emit=told.append)
    if finished.outcome not in ("done", "stopped"):
        raise RuntimeError(f"{training.folder}: {finished.message}")
    kept = {finished.step: _kept(Path(finished.embedding), pair=training.arm.pair)}
    copies = Path(finished.run_dir) / "embeddings"
    for share in training.arm.judged_at:
        step = round(training.arm.steps * share)
        kept[step] = _kept(copies / f"{training.name}-{step}.pt", pair=training.arm.pair)
    return Trained(
        step=finished.step,
        outcome=finished.outcome,
        kept=kept,
        evaluated=[event for event in told if isinstance(event, Evaluated)],
        norms={event.step: event.vector_norm for event in told if isinstance(event, Stepped) and event.step in kept},
    )


def left_by(arm: Arm, concept: HiddenConcept, seed: int, *, work: Path) -> Trained:
    """Read the remains of a training in the work folder. Raises InputError where there is nothing."""
    folder = work / "embeddings" / arm.name / f"{concept.name}-{seed}"
    for path in folder.glob("*.pt"):
        step = read_embedding(path).step
        if step and pair_name(path.stem) == path.stem:  # one that was only created has step 0
            return Trained(step=step, outcome="judged", kept={step: _kept(path, pair=arm.pair)})
    raise InputError(
        f"The arm {arm.name} left nothing that was trained in {folder}. Run it with this work folder first."
    )


def _kept(path: Path, *, pair: bool) -> Kept:
    return Kept(positive=_rows(path), negative=_rows(negative_path(path)) if pair else None)


def _rows(path: Path) -> Vectors:
    return {"clip_l": next(iter(read_embedding(path).vectors.values()))}
