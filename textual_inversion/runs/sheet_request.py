"""A comparison sheet as a person asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.base.options import option


@dataclass(frozen=True, kw_only=True)
class SheetRequest:
    """Saved steps of a run compared on one sheet: a row for each prompt, a column for each step."""

    file: str = option("", "Embedding", group="Sheet", help="The embedding, as the list of the Library names it.")
    run: str = option("", "Run", group="Sheet", help="The run whose copies are compared.")
    steps: tuple[int, ...] = option((), "Steps", group="Sheet", help="Saved steps, one column each.")
    current: bool = option(True, "The file itself", group="Sheet", help="As a last column: the embedding as it is now.")
    prompts: tuple[str, ...] = option(
        (), "Prompts", group="Sheet", help="One row each; [name] stands for the embedding."
    )
    negative_prompt: str = option("", "Negative prompt", group="Sheet", help="For all pictures.")
    sampler: str = option("Euler a", "Sampling method", group="Sheet", help="As the model's host calls it.")
    sampling_steps: int = option(20, "Sampling steps", group="Sheet", low=1, high=150, help="20 to 30 are enough.")
    guidance_scale: float = option(7.0, "CFG scale", group="Sheet", low=1, high=30, help="How strictly to follow.")
    seed: int = option(0, "Seed", group="Sheet", low=0, high=2**32 - 1, help="The same for all pictures.")
    width: int = option(512, "Width", group="Sheet", low=64, high=2048, help="In pixels, a multiple of 8.")
    height: int = option(512, "Height", group="Sheet", low=64, high=2048, help="In pixels, a multiple of 8.")
