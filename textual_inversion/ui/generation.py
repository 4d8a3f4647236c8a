"""Making pictures with the host's model, one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.base.options import option
from ..core.base.seeds import LARGEST_PICTURE_SEED
from ..core.model.host import LeaseRequest, Picture, PictureRequest
from ..runs.manager import RunManager


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """Some pictures of one prompt; picture i has the seed plus i and depends on nothing else."""

    prompt: str = option("", "Prompt", group="Prompt", help="Write the name of an embedding where its concept belongs.")
    negative_prompt: str = option("", "Negative prompt", group="Prompt", help="What should not be there.")
    sampler: str = option("Euler a", "Sampling method", group="Picture", help="How noise becomes a picture.")
    steps: int = option(20, "Sampling steps", group="Picture", low=1, high=150, step=1, help="20 to 30 are enough.")
    guidance_scale: float = option(
        7.0, "CFG scale", group="Picture", low=1, high=30, step=0.5, help="How strictly the prompt is followed."
    )
    width: int = option(512, "Width", group="Picture", low=64, high=2048, step=8, help="In pixels.")
    height: int = option(512, "Height", group="Picture", low=64, high=2048, step=8, help="In pixels.")
    seed: int = option(
        -1,
        "Seed",
        group="Picture",
        low=-1,
        high=LARGEST_PICTURE_SEED,
        help="The same seed gives the same picture; -1: any.",
    )
    count: int = option(4, "Pictures", group="Picture", low=1, high=64, step=1, help="How many.")


def generate(manager: RunManager, request: GenerateRequest) -> Iterator[list[Picture]]:
    """All pictures made so far, after each one. Raises ConflictError while a run holds the model.

    Each picture takes the model for itself, so a run that starts in the middle waits for one picture only.
    """
    first = random.SystemRandom().randrange(LARGEST_PICTURE_SEED) if request.seed < 0 else request.seed
    made: list[Picture] = []
    for index in range(request.count):
        with manager.borrow(), manager.host.lease(LeaseRequest()) as lease:
            made.append(lease.picture(_one(request, (first + index) % (LARGEST_PICTURE_SEED + 1)), embeddings={}))
        yield list(made)


def _one(request: GenerateRequest, seed: int) -> PictureRequest:
    shared: dict[str, Any] = {name: getattr(request, name) for name in _SHARED}
    return PictureRequest(**shared, seed=seed)


_SHARED = ("prompt", "negative_prompt", "sampler", "steps", "guidance_scale", "width", "height")
