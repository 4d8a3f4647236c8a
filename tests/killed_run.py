"""A run in a process of its own, which a test kills: a module that a fresh process can import."""

from __future__ import annotations

from pathlib import Path

import torch
from engine_world import World
from fake_host import FakeHost

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.record import outputs
from textual_inversion.core.record.events import Finished
from textual_inversion.core.record.run_folder import newest_run

SETTINGS = {
    "steps": 8,
    "gradient_accumulation": 2,
    "latent_sampling": "random",
    "shuffle_tags": True,
    "ema": 0.9,
    "save_every": 1,
    "image_every": 2,
    "evaluate_every": 4,
    "evaluate_samples": 2,
    "csv_every": 1,
    "keep_copies": 3,
}


def go_on(folder: Path) -> Finished | None:
    """Start the run of the world in ``folder``, or resume it where there is one; the state is written at every step.

    None where it had been killed in the moment between its last file and its end: nothing is left to do.
    """
    torch.set_num_threads(1)
    outputs._STATE_EVERY_SECONDS = 0.0
    world = World(folder=folder, host=FakeHost(folder))
    config = world.config(**SETTINGS)
    try:
        resume = newest_run(folder / "log", "thing")
    except InputError:
        resume = None
    try:
        return world.train(config, resume=resume)
    except InputError as error:
        if "has had 8 steps already" in error.message:
            return None
        raise
