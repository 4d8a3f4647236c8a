"""Measure how well a checkpoint obeys: pictures of random captions, read back by the grader.

Only what a caption says is asked of its picture, and captions here say shape, colour, background and position.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from ..core.model.host import Lease, LeaseRequest, PictureRequest
from ..hosts.standalone.host import StandaloneHost
from .captions import Mentions, caption
from .grader import Grader, Verdict
from .grid import captioned_grid
from .scene import NAMED_ONLY, Scene, random_scene

FIELDS = ("shape", "colour", "background", "position", "texture", "style")
CORE = ("shape", "colour", "background", "position")
SAID = Mentions(
    shape=1.0, colour=1.0, background=1.0, position=1.0, plain=1.0, striped=1.0, style=1.0, view=0.0, short=0.0
)


@dataclass(frozen=True)
class Report:
    """Share of right pictures for each field, for the four core fields together (`core`) and for all six (`all`)."""

    shares: dict[str, float]
    verdicts: list[Verdict]
    captions: list[str]
    pictures: list[Image.Image]


def evaluation_captions(count: int, seed: int = 777) -> list[tuple[Scene, str]]:
    """`count` random scenes of named things with a caption that says everything about each."""
    pairs = []
    for i in range(count):
        rng = random.Random(f"evaluation {seed} {i}")
        scene = random_scene(rng, NAMED_ONLY)
        pairs.append((scene, caption(scene, rng, SAID)))
    return pairs


def evaluate(paint: Callable[[list[str]], list[Image.Image]], count: int = 200, *, seed: int = 777) -> Report:
    """Paints `count` captions in one call of `paint` and grades the pictures."""
    pairs = evaluation_captions(count, seed)
    captions = [text for _, text in pairs]
    pictures = paint(captions)
    verdicts = Grader.load().grade(pictures)
    right = [
        {field: getattr(verdict, field) == getattr(scene, field) for field in FIELDS}
        for (scene, _), verdict in zip(pairs, verdicts, strict=True)
    ]
    shares = {field: sum(row[field] for row in right) / count for field in FIELDS}
    shares["core"] = sum(all(row[field] for field in CORE) for row in right) / count
    shares["all"] = sum(all(row.values()) for row in right) / count
    return Report(shares, verdicts, captions, pictures)


def main(arguments: list[str] | None = None) -> int:
    """Paints and grades `--count` captions with a checkpoint; writes a grid of the first pictures and prints shares."""
    parser = argparse.ArgumentParser(prog="python -m textual_inversion.demo.evaluate", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="an exported demo checkpoint (default: the shipped one)")
    parser.add_argument("--count", type=int, default=200, help="how many captions")
    parser.add_argument("--grid", type=Path, help="PNG file for the first 40 pictures under their captions")
    parser.add_argument("--sampler", default="Euler a")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cfg-scale", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    settings = PictureRequest(
        prompt="", sampler=options.sampler, steps=options.steps, guidance_scale=options.cfg_scale, width=64, height=64
    )
    with tempfile.TemporaryDirectory() as empty:
        host = StandaloneHost(embeddings_dir=Path(empty), checkpoint=options.checkpoint, threads=options.threads)
        with host.lease(LeaseRequest(precision="float32")) as lease:
            report = evaluate(functools.partial(_painted, lease, settings), options.count)
    if options.grid:
        captioned_grid(report.pictures[:40], report.captions[:40]).save(options.grid)
    sys.stdout.write("".join(f"{field}: {share:.3f}\n" for field, share in report.shares.items()))
    return 0


def _painted(lease: Lease, settings: PictureRequest, prompts: list[str]) -> list[Image.Image]:
    """Picture i with seed i, no embedding."""
    requests = (replace(settings, prompt=prompt, seed=i) for i, prompt in enumerate(prompts))
    return [lease.picture(request, embeddings={}).image for request in requests]


if __name__ == "__main__":
    raise SystemExit(main())
