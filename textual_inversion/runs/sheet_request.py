"""A comparison sheet as a person asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.base.options import option
from ..core.base.seeds import LARGEST_PICTURE_SEED


@dataclass(frozen=True, kw_only=True)
class SheetRequest:
    """Saved steps of a run compared on one sheet: a row for each prompt, a column for each step."""

    file: str = option(
        "", "Embedding", group="Compare steps", help="The embedding, as the list of the Library names it."
    )
    run: str = option("", "Run", group="Compare steps", help="The run whose copies are compared.")
    steps: tuple[int, ...] = option((), "Steps", group="Compare steps", help="Saved steps, one column each.")
    current: bool = option(
        True, "The file itself", group="Compare steps", help="As a last column: the embedding as it is now."
    )
    prompts: tuple[str, ...] = option(
        (), "Prompts", group="Compare steps", help="One row each; [name] stands for the embedding."
    )
    negative_prompt: str = option("", "Negative prompt", group="Compare steps", help="For all pictures.")
    sampler: str = option("Euler a", "Sampling method", group="Compare steps", help="As the model's host calls it.")
    sampling_steps: int = option(
        20, "Sampling steps", group="Compare steps", low=1, high=150, help="20 to 30 are enough."
    )
    guidance_scale: float = option(
        7.0, "CFG scale", group="Compare steps", low=1, high=30, help="How strictly to follow."
    )
    seed: int = option(
        0, "Seed", group="Compare steps", low=0, high=LARGEST_PICTURE_SEED, help="The same for all pictures."
    )
    width: int = option(512, "Width", group="Compare steps", low=64, high=2048, help="In pixels, a multiple of 8.")
    height: int = option(512, "Height", group="Compare steps", low=64, high=2048, help="In pixels, a multiple of 8.")
