"""`python -m textual_inversion.demo.train --out DIR`: trains the demo checkpoint; run again, it goes on where it was."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from .models import DemoShape
from .pictures import rendered, scenes
from .train_vae import VaePlan, train_vae


def main(arguments: list[str] | None = None) -> int:
    """Runs all stages; returns the exit code."""
    options = _parser().parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    shape = DemoShape()
    pictures = rendered(scenes(options.vae_pictures, options.seed), options.out / "vae-pictures.npy")
    plan = replace(VaePlan(), steps=options.vae_steps, compile=options.compile)
    train_vae(pictures, plan, shape=shape, folder=options.out, seed=options.seed)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m textual_inversion.demo.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for states, pictures and exports")
    parser.add_argument("--pictures", type=int, default=20000, help="how many scenes to draw (default 20000)")
    parser.add_argument("--vae-pictures", type=int, default=6000, help="how many of them the VAE sees (default 6000)")
    parser.add_argument("--vae-steps", type=int, default=VaePlan.steps)
    parser.add_argument("--compile", action="store_true", help="use torch.compile (needs a C++ compiler)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
