"""What can be asked besides training, with the words that forms and messages use. ``TrainConfig`` is the request to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from ..core.options import option
from ..core.settings.creation import MAX_VECTORS, InitMethod

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


@dataclass(frozen=True, kw_only=True)
class ConvertRequest:
    """An embedding's file in another format."""

    source: str = option(
        "", "From", group="Convert", help="File of the embedding: .pt, .bin, .safetensors, .png, .webp."
    )
    target: str = option("", "To", group="Convert", help="File to write; its ending chooses the format.")
    file_format: str = option("", "Format", group="Convert", help="Needed where the ending leaves a choice.")


@dataclass(frozen=True, kw_only=True)
class ResumeRequest:
    """How a run goes on."""

    steps: int | None = option(None, "Max steps", group="Resume", low=1, high=10_000_000, help="A new total.")
    from_step: int | None = option(None, "From step", group="Resume", low=0, high=10_000_000, help="A saved step.")
