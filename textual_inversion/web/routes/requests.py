"""Requests besides training, with the words that forms and messages use. ``TrainConfig`` is the request to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from ...core.base.options import option
from ...core.settings.creation import MAX_VECTORS, InitMethod

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
    overwrite: bool = option(
        False, "Overwrite Old Embedding", group="Create", help="Replaces a file of this name; what it learned is lost."
    )
    seed: int = option(0, "Seed", group="Create", low=0, high=2**63 - 1, advanced=True, help="For noise only.")
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


@dataclass(frozen=True, kw_only=True)
class ConvertRequest:
    """An embedding's file in another format."""

    source: str = option(
        "", "From", group="Convert", help="File of the embedding: .pt, .bin, .safetensors, .png, .webp."
    )
    target: str = option("", "To", group="Convert", help="File to write; its ending chooses the format.")
    file_format: str = option("", "Format", group="Convert", help="Needed where the ending leaves a choice.")


@dataclass(frozen=True, kw_only=True)
class UseRequest:
    """Step that becomes the finished embedding."""

    step: int = option(0, "Step", group="Use", low=0, high=10_000_000, help="One of which a copy was kept.")
    stop: bool = option(False, "Stop the run first", group="Use", help="Its end would replace the step.")


@dataclass(frozen=True, kw_only=True)
class MoveRequest:
    """Place in the queue for a run that waits."""

    place: int = option(1, "Place", group="Queue", low=1, high=1_000_000, help="From 1, the next one.")


@dataclass(frozen=True, kw_only=True)
class QueueRequest:
    """Mode of the queue."""

    go_on_after_restart: bool = option(
        False, "Go on by itself after a restart", group="Queue", help="Otherwise what was queued waits to be started."
    )


@dataclass(frozen=True, kw_only=True)
class ResumeRequest:
    """Settings of a run that goes on."""

    steps: int | None = option(None, "Max steps", group="Resume", low=1, high=10_000_000, help="A new total.")
    from_step: int | None = option(None, "From step", group="Resume", low=0, high=10_000_000, help="A saved step.")
