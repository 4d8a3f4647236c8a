"""Settings of what is written, and of the previews."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.options import option
from ..base.seeds import LARGEST_PICTURE_SEED


@dataclass(frozen=True, kw_only=True)
class SavingSettings:
    """Settings of what is written, and of the previews."""

    log_dir: str = option(
        "textual_inversion",
        "Log directory",
        group="Saving",
        help="Copies, previews and the loss table go to LOG DIRECTORY/DATE/NAME.",
    )
    save_every: int = option(
        500,
        "Save a copy of embedding to log directory every N steps, 0 to disable",
        group="Saving",
        low=0,
        high=10_000_000,
        step=1,
        help="So that an earlier step can be used when later ones are overtrained; for 3000 steps 50 is fine-grained.",
    )
    keep_copies: int = option(
        0,
        "Copies to keep",
        group="Saving",
        low=0,
        high=100_000,
        step=1,
        advanced=True,
        help="Only the newest so many copies are kept; 0 keeps all. The best one is always kept.",
    )
    image_every: int = option(
        500,
        "Save an image to log directory every N steps, 0 to disable",
        group="Saving",
        low=0,
        high=10_000_000,
        step=1,
        help="A preview of what the embedding draws at that step; for 3000 steps 50 is fine-grained.",
    )
    png_embedding: bool = option(
        True,
        "Save images with embedding in PNG chunks",
        group="Saving",
        help="Beside each preview a picture that carries the embedding itself: easy to share.",
    )
    preview_from_txt2img: bool = option(
        False,
        "Read parameters (prompt, etc...) from txt2img tab when making previews",
        group="Saving",
        help="Previews are made with the prompt, negative prompt, sampler, steps, CFG scale, seed and size that stand there when Train "
        "is pressed, instead of those here; without scripts, hires fix and refiner.",
    )
    preview_prompts: tuple[str, ...] = option(
        (),
        "Preview prompt",
        group="Saving",
        help="What previews show; one prompt a line, [name] is the embedding. Empty: the template's first prompt.",
    )
    preview_negative_prompt: str = option(
        "", "Preview negative prompt", group="Saving", advanced=True, help="What previews avoid."
    )
    preview_sampler: str = option("Euler a", "Preview sampler", group="Saving", advanced=True, help="As in txt2img.")
    preview_steps: int = option(
        20, "Preview sampling steps", group="Saving", low=1, high=150, step=1, advanced=True, help="As in txt2img."
    )
    preview_guidance_scale: float = option(
        7.0, "Preview CFG scale", group="Saving", low=1, high=30, step=0.5, advanced=True, help="As in txt2img."
    )
    preview_seed: int = option(
        0,
        "Preview seed",
        group="Saving",
        low=0,
        high=LARGEST_PICTURE_SEED,
        advanced=True,
        help="The same for every preview, so that they can be compared.",
    )
    preview_width: int = option(
        0, "Preview width", group="Saving", low=0, high=4096, step=8, advanced=True, help="0: the training width."
    )
    preview_height: int = option(
        0, "Preview height", group="Saving", low=0, high=4096, step=8, advanced=True, help="0: the training height."
    )
    use_safetensors: bool = option(
        False,
        "Save as .safetensors",
        group="Saving",
        advanced=True,
        help="Instead of A1111's .pt. SDXL embeddings always are.",
    )
