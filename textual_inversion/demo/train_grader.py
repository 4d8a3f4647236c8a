"""`python -m textual_inversion.demo.train_grader --out FILE`: trains the grader on renders and measures it on fresh ones.

Blur, noise and slight shifts of tone are added in training, so that it reads a VAE's soft pictures as well.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .draw import draw
from .grader import CLASSES, Grader, GraderNet, split
from .pictures import rendered, scenes
from .progress import Progress, cosine
from .scene import Scene
from .state import save_atomic

FRESH_SEED = 10_000


def labels(some: list[Scene]) -> torch.Tensor:
    """(n, fields) class numbers."""
    return torch.tensor([[names.index(getattr(s, field)) for field, names in CLASSES.items()] for s in some])


def train_grader(pictures: np.ndarray, some: list[Scene], *, steps: int, batch_size: int, seed: int) -> GraderNet:
    """Trains on (n, 64, 64, 3) uint8 pictures of `some`."""
    torch.manual_seed(seed)
    net = GraderNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    truth, progress = labels(some), Progress("grader", steps)
    for step in range(steps):
        rate = cosine(step, steps=steps, peak=1.5e-3)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng((seed, 3, step))
        chosen = rng.integers(len(some), size=batch_size)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(_worn(torch.from_numpy(pictures[chosen]), rng))
        blocks = split(logits.float())
        loss = sum(
            (functional.cross_entropy(block, truth[chosen, i]) for i, block in enumerate(blocks)),
            start=torch.zeros(()),
        )
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress.step(step + 1, float(loss.detach()), rate)
    return net


def _worn(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(n, 64, 64, 3) uint8 to (n, 3, 64, 64) in [-1, 1], as soft, noisy and off in tone as a decoded latent may be."""
    batch = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0
    mode = rng.integers(3)
    if mode == 1:
        batch = functional.avg_pool2d(functional.pad(batch, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    if mode == 2:
        half = functional.interpolate(batch, scale_factor=0.5, mode="area")
        batch = functional.interpolate(half, scale_factor=2, mode="bilinear")
    noise = torch.from_numpy(rng.standard_normal(tuple(batch.shape), dtype=np.float32))
    tone = torch.from_numpy(rng.standard_normal((len(batch), 3, 1, 1), dtype=np.float32))
    return batch + 0.06 * float(rng.random()) * noise + 0.03 * tone


def accuracy(grader: Grader, some: list[Scene]) -> dict[str, float]:
    """Share of right answers in each field, and in all of them at once (`all`), on renders of `some`."""
    verdicts = grader.grade([draw(scene) for scene in some])
    right = [[getattr(v, field) == getattr(s, field) for field in CLASSES] for v, s in zip(verdicts, some, strict=True)]
    shares = np.asarray(right).mean(axis=0)
    return dict(zip(CLASSES, shares.tolist(), strict=True)) | {"all": float(np.asarray(right).all(axis=1).mean())}


def main(arguments: list[str] | None = None) -> int:
    """Trains, measures on fresh scenes, saves float16 weights."""
    parser = argparse.ArgumentParser(prog="python -m textual_inversion.demo.train_grader", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="file for the weights")
    parser.add_argument("--pictures", type=int, default=16000, help="how many scenes to draw")
    parser.add_argument("--cache", type=Path, help="file that keeps the drawn pictures")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--fresh", type=int, default=2000, help="how many fresh scenes it is measured on")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    some = scenes(options.pictures, 0)
    net = train_grader(rendered(some, options.cache), some, steps=options.steps, batch_size=64, seed=0)
    save_atomic(options.out, {name: tensor.half() for name, tensor in net.state_dict().items()})
    figures = accuracy(Grader.load(options.out), scenes(options.fresh, FRESH_SEED))
    sys.stdout.write("".join(f"{field}: {share:.4f}\n" for field, share in figures.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
