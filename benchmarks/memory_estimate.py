"""`python -m benchmarks.memory_estimate [--json]`: the estimate of memory beside the measured peak, case by case.

Each case is a process of its own, which trains a few steps with one preview. On a CPU: the largest resident size from before
the model was there on, less that before; on CUDA: what torch had allocated at most.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import torch
from PIL import Image

from textual_inversion.core.base.control import Control
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.estimates.memory import estimate_memory
from textual_inversion.core.model.host import Recompute
from textual_inversion.core.run.train import train
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.hosts.standalone.checkpoint.layout import (
    ModelLayout,
    ScheduleLayout,
    TextLayout,
    UNetLayout,
    VaeLayout,
)
from textual_inversion.hosts.standalone.checkpoint.ldm_keys import UnetShape, VaeShape
from textual_inversion.hosts.standalone.device import choose_device
from textual_inversion.hosts.standalone.host import StandaloneHost

from .memory import PeakMemory
from .random_model import CLIP_L, SD15, random_host

_STEPS, _PREVIEW_STEPS = 2, 1
_VAE = VaeLayout(shape=VaeShape(channels=(128, 256, 512, 512), blocks=2), latent_channels=4, scale_factor=0.13025)
NARROW_SDXL = ModelLayout(
    family="sdxl",
    unet=UNetLayout(
        shape=UnetShape(channels=(160, 320, 640), blocks=2, depths=(0, 2, 4), middle_depth=4, labels=True),
        in_channels=4,
        out_channels=4,
        heads=(5, 5, 10),
        context_width=768 + 1280,
        linear_projections=True,
        label_width=2816,
    ),
    vae=_VAE,
    text={
        "clip_l": CLIP_L,
        "clip_g": TextLayout(
            flavour="open_clip",
            prefix="",
            width=1280,
            layers=4,
            heads=20,
            inner_width=5120,
            positions=77,
            vocabulary=49408,
            activation="gelu",
            output="penultimate",
            projection=True,
        ),
    },
    schedule=ScheduleLayout(),
    prediction="epsilon",
)
MODELS: Mapping[str, ModelLayout | None] = {"demo": None, "SD 1.5": SD15, "narrow SDXL": NARROW_SDXL}


@dataclass(frozen=True, kw_only=True)
class Case:
    model: str
    size: int
    batch_size: int = 1
    recompute: Recompute = "selective"
    precision: str = "auto"


CASES = (
    Case(model="demo", size=64, batch_size=8),
    Case(model="demo", size=128, batch_size=8),
    Case(model="demo", size=128, batch_size=8, recompute="full"),
    Case(model="demo", size=64, batch_size=64),
    Case(model="SD 1.5", size=256),
    Case(model="SD 1.5", size=256, recompute="full"),
    Case(model="SD 1.5", size=256, batch_size=2),
    Case(model="SD 1.5", size=384),
    Case(model="SD 1.5", size=256, precision="bfloat16"),
    Case(model="narrow SDXL", size=256),
    Case(model="narrow SDXL", size=256, batch_size=2, recompute="full"),
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Megabytes (10^6 bytes)."""

    estimated: float
    measured: float
    weights: float


def main(arguments: list[str] | None = None) -> int:
    """Measure every case and print a line for each; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_estimate")
    parser.add_argument("--json", action="store_true", help="JSON on standard output")
    parser.add_argument("--device", help="cpu or cuda (default: the best there is)")
    parser.add_argument("--case", type=int, choices=range(len(CASES)), help="only this one, in this process, as JSON")
    options = parser.parse_args(arguments)
    if options.case is not None:
        print(json.dumps(asdict(_measure(CASES[options.case], options.device))))
        return 0
    results: list[dict[str, object]] = []
    if not options.json:
        print("model          size  batch      again  precision   estimated MB  measured MB   off by")
    for number, case in enumerate(CASES):
        found = Found(**json.loads(_own_process(number, options.device)))
        results.append({**asdict(case), **asdict(found)})
        if not options.json:
            off = found.estimated / found.measured - 1
            print(
                f"{case.model:12}{case.size:7}{case.batch_size:7}{case.recompute:>11}  {case.precision:10}"
                f"{found.estimated:14.0f}{found.measured:13.0f}{off:+9.0%}",
                flush=True,
            )
    if options.json:
        print(json.dumps(results, indent=1))
    return 0


def _own_process(number: int, device: str | None) -> str:
    command = [sys.executable, "-m", "benchmarks.memory_estimate", "--case", str(number)]
    told = subprocess.run(
        [*command, *(["--device", device] if device else [])], stdout=subprocess.PIPE, text=True, check=True
    )
    return told.stdout.strip().splitlines()[-1]


def _measure(case: Case, device_name: str | None) -> Found:
    device = choose_device(device_name)
    layout = MODELS[case.model]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "embeddings").mkdir()
        config = _config(case, folder)
        host = (
            StandaloneHost(embeddings_dir=folder / "embeddings", device=device_name)
            if layout is None
            else random_host(folder / "embeddings", device=device_name, layout=layout)
        )
        _warm_up(device)
        before = psutil.Process().memory_info().rss / 1e6 if device.type == "cpu" else 0.0
        with PeakMemory(device) as peak:
            create(host, name=config.name, init="noise", vectors=2)
            finished = train(config, host, control=Control(), emit=lambda _: None)
        if finished.outcome != "done":
            raise RuntimeError(finished.message)
        shape = host.model_shape()
        if shape is None:
            raise RuntimeError("The model was given up before its shape could be asked for.")
        estimate = estimate_memory(
            shape,
            [(case.size, case.size)] * 2,
            batch_size=case.batch_size,
            recompute=case.recompute,
            previews=True,
        )
    return Found(
        estimated=estimate.peak / 1e6, measured=peak.megabytes - before, weights=sum(shape.weights.values()) / 1e6
    )


def _warm_up(device: torch.device) -> None:
    """Do the first work, with which libraries take memory for themselves that is no part of a model."""
    from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: F401
    from transformers import CLIPTextModel  # noqa: F401

    torch.nn.functional.conv2d(torch.ones(1, 8, 8, 8, device=device), torch.ones(8, 8, 3, 3, device=device))


def _config(case: Case, folder: Path) -> TrainConfig:
    pictures = folder / "pictures"
    pictures.mkdir()
    for index in range(2):
        picture = Image.radial_gradient("L").resize((case.size, case.size)).rotate(20 * index)
        picture.save(pictures / f"{index}.png")
    return TrainConfig.from_mapping(
        {
            "name": "measured",
            "data": [str(pictures)],
            "template": "subject.txt",
            "steps": _STEPS,
            "learning_rate": "1e-6",
            "width": case.size,
            "height": case.size,
            "batch_size": case.batch_size,
            "recompute": case.recompute,
            "precision": case.precision,
            "evaluate_every": 0,
            "image_every": _STEPS,
            "save_every": 0,
            "preview_steps": _PREVIEW_STEPS,
            "log_dir": str(folder / "runs"),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
