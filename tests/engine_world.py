"""A small world for the engine: a fake host, three pictures, a template, and a way to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from fake_host import FakeHost
from PIL import Image

from textual_inversion.core.base.control import Control
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.record.events import Event, Finished
from textual_inversion.core.record.run_folder import RunDirectory, newest_run
from textual_inversion.core.run.train import train
from textual_inversion.core.settings.train_config import TrainConfig


@dataclass
class World:
    folder: Path
    host: FakeHost
    events: list[Event] = field(default_factory=list)
    control: Control = field(default_factory=Control)
    on_event: Callable[[Event], None] = lambda _: None

    def config(self, **changes: Any) -> TrainConfig:
        values = {
            "name": "thing",
            "data": [str(self.folder / "pictures")],
            "template": "plain.txt",
            "steps": 20,
            "width": 64,
            "height": 64,
            "log_dir": str(self.folder / "log"),
            "save_every": 0,
            "image_every": 0,
            "evaluate_every": 0,
            "learning_rate": "0.01",
            **changes,
        }
        return TrainConfig.from_mapping(values)

    def create(self, **options: Any) -> Path:
        return create(self.host, **{"name": "thing", "init_text": "thing", "vectors": 2, **options})

    def train(self, config: TrainConfig | None = None, **options: Any) -> Finished:
        def emit(event: Event) -> None:
            self.events.append(event)
            self.on_event(event)

        self.control = Control()
        return train(config or self.config(), self.host, control=self.control, emit=emit, **options)

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def make_world(folder: Path, **lease: Any) -> World:
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    for index, colour in enumerate([(200, 40, 40), (180, 60, 50), (220, 30, 60)]):
        Image.new("RGB", (64, 64), colour).save(pictures / f"{index}.png")
        (pictures / f"{index}.txt").write_text(f"red, tag{index}, plain, large")
    templates = folder / "templates"
    templates.mkdir()
    (templates / "plain.txt").write_text("a photo of [name]\n[name], [filewords]\n")
    return World(folder=folder, host=FakeHost(folder, **lease))


def vectors_of(path: Path | str) -> torch.Tensor:
    return next(iter(read_embedding(Path(path)).vectors.values()))


def run_folder(world: World) -> RunDirectory:
    return RunDirectory(newest_run(world.folder / "log", "thing"), "thing")
