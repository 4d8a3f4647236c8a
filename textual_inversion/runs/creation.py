"""A new embedding, as a person asks for it, made with the host's model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ..core.base.options import option
from ..core.base.seeds import LARGEST_SEED
from ..core.settings.creation import MAX_VECTORS, CarryOver, InitMethod

if TYPE_CHECKING:
    from .manager import RunManager

INIT_METHODS: tuple[str, ...] = get_args(InitMethod)


@dataclass(frozen=True, kw_only=True)
class CreateRequest:
    """A new embedding."""

    name: str = option("", "Name", group="Create", help="What you will type in prompts: a word used for nothing else.")
    init_text: str = option(
        "*",
        "Initialization text",
        group="Create",
        help="Words close to what you teach, for example 'one girl' or 'painting': learning begins there. * is a neutral start; empty "
        "begins at zero.",
    )
    vectors: int = option(
        1,
        "Number of vectors per token",
        group="Create",
        low=1,
        high=MAX_VECTORS,
        step=1,
        help="More hold more detail, need more pictures and steps, and take more of the prompt's 75 tokens.",
    )
    init: str = option(
        "text",
        "Initialize from",
        group="Create",
        advanced=True,
        help="text: the vectors of the words above; encoded: what the text encoder makes of them; noise; zeros; "
        "or the path of an embedding, whose vectors are taken over.",
    )
    carry_over: CarryOver = option(
        "text",
        "Of an embedding for another kind of model",
        group="Create",
        advanced=True,
        help="SD 1.x and SDXL share one text encoder, whose vectors are kept. Those of the other begin as the words above (text), are "
        "made from the first by a map between the models' word tables (map), or are zeros.",
    )
    overwrite: bool = option(
        False, "Overwrite Old Embedding", group="Create", help="Replaces a file of this name; what it learned is lost."
    )
    seed: int = option(0, "Seed", group="Create", low=0, high=LARGEST_SEED, advanced=True, help="For noise only.")
    apt: bool = option(
        False,
        "Make a pair for APT training",
        group="Pair (APT)",
        help="A second embedding, NAME-neg, for the negative prompt; both are trained together, from one picture if need be.",
    )
    negative_vectors: int = option(
        6,
        "Number of negative vectors",
        group="Pair (APT)",
        low=1,
        high=MAX_VECTORS,
        step=1,
        help="Usual pairs of numbers (positive, negative): (3, 6), for more detail (4, 7), (5, 8), (10, 10).",
    )
    negative_init_text: str = option(
        "", "Negative initialization text", group="Pair (APT)", help="Empty: as the positive one."
    )
    negative_init_noise: float = option(
        0.001,
        "Negative initialization noise",
        group="Pair (APT)",
        low=0,
        high=1,
        advanced=True,
        help="Sets the negative vectors a little apart from the words they begin with; 0.001 as in DreamArtist.",
    )


def create_embedding(manager: RunManager, request: CreateRequest) -> tuple[Path, list[str]]:
    """Make a new embedding with the host's model; its file, and what a person should know about its name.

    Raises ConflictError while a run holds the model, or, paused, the name.
    """
    from ..core.embeddings_folder.create import create
    from .locks.name_lock import NameLock

    warnings: list[str] = []
    with manager.borrow(), NameLock(manager.host.embeddings_dir, request.name):
        path = create(manager.host, **dataclasses.asdict(request), warn=warnings.append)
    return path, warnings
