"""Everything a training run can be told. Names and defaults are A1111's where it has the setting."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .errors import InputError
from .options import build, option

Fit = Literal["center", "stretch", "none", "buckets"]
LatentSampling = Literal["once", "deterministic", "random"]
Optimizer = Literal["adamw", "prodigy"]
ClipMode = Literal["disabled", "value", "norm"]
NormRule = Literal["none", "clamp", "fixed"]
LossKind = Literal["mse", "huber"]
TimestepSampling = Literal["uniform", "stratified"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """What a person asks for. ``resolve()`` turns it, with the model and the pictures, into a ``RunPlan``."""

    name: str = option(
        "",
        "Embedding",
        group="Embedding",
        help="The embedding to train. Make it first with Create, or choose any file.",
    )
    steps: int = option(
        100000,
        "Max steps",
        group="Embedding",
        low=1,
        high=10_000_000,
        help="Training ends when the embedding has had this many steps in all, those of earlier runs counted. "
        "1000 to 3000 are often enough; more can make the embedding ignore the rest of the prompt.",
    )
    learning_rate: str = option(
        "0.005",
        "Embedding Learning rate",
        group="Embedding",
        help="How far one step moves the vectors. 0.005 is usual; 0.01 is faster and riskier. A falling rate is written "
        "as rate:step, rate:step, rate: '0.1:500, 0.01:1000, 0.001' is 0.1 up to step 500, and so on. Steps may also "
        "be shares of the whole: '0.01:25%, 0.005'. '0.005 cosine' falls smoothly to zero.",
    )
    seed: int = option(
        0,
        "Seed",
        group="Embedding",
        low=0,
        high=2**63 - 1,
        help="Decides order, noise, timesteps and captions. The same seed and settings give the same embedding.",
    )

    data: tuple[str, ...] = option(
        (),
        "Dataset directory",
        group="Pictures",
        help="Folder with the pictures. 'FOLDER*3' shows its pictures three times as often.",
    )
    recursive: bool = option(
        False, "Include subfolders", group="Pictures", advanced=True, help="Also take the pictures in folders below."
    )
    width: int = option(
        512,
        "Width",
        group="Pictures",
        low=64,
        high=4096,
        step=8,
        help="Training width in pixels: 512 for SD 1.x, 768 for SD 2.x, 1024 for SDXL; less saves memory.",
    )
    height: int = option(
        512,
        "Height",
        group="Pictures",
        low=64,
        high=4096,
        step=8,
        help="Training height in pixels: 512 for SD 1.x, 768 for SD 2.x, 1024 for SDXL; less saves memory.",
    )
    fit: Fit = option(
        "center",
        "Fit pictures by",
        group="Pictures",
        help="center crops the middle; stretch distorts, as A1111 does; none keeps each picture's own size; buckets crops "
        "to the nearest of several shapes of the same area.",
    )
    flip: bool = option(
        False,
        "Mirror at random",
        group="Pictures",
        advanced=True,
        help="Shows each picture mirrored half of the time. Not for faces or text.",
    )
    alpha_weight: bool = option(
        False,
        "Use PNG alpha channel as loss weight",
        group="Pictures",
        help="Opaque parts are learned, transparent parts are not. Keeps backgrounds out of the embedding.",
    )
    masks: bool = option(
        False,
        "Use mask files as loss weight",
        group="Pictures",
        advanced=True,
        help="Grey pictures NAME_mask.png beside NAME.png: white is learned, black is not.",
    )
    mask_floor: float = option(
        0.0,
        "Weight of masked parts",
        group="Pictures",
        low=0,
        high=1,
        step=0.05,
        advanced=True,
        help="0 ignores masked parts altogether; 0.1 keeps a little of the surroundings.",
    )
    latent_sampling: LatentSampling = option(
        "deterministic",
        "Latent sampling method",
        group="Pictures",
        help="How a picture becomes latents: deterministic uses their mean, once one fixed sample, random a new sample at every step.",
    )

    template: str = option(
        "style_filewords.txt",
        "Prompt template",
        group="Prompts",
        help="A file with one prompt a line; [name] is the embedding, [filewords] the picture's caption. "
        "subject.txt for things and people, style.txt for styles; _filewords where the captions are good.",
    )
    filename_regex: str = option(
        "",
        "Filename word regex",
        group="Prompts",
        advanced=True,
        help="For pictures without a .txt file: only the matches of this expression in the file name are used.",
    )
    filename_join: str = option(
        " ",
        "Filename join string",
        group="Prompts",
        advanced=True,
        help="Put between the matches of the expression above.",
    )
    shuffle_tags: bool = option(
        False,
        "Shuffle tags by ',' when creating prompts",
        group="Prompts",
        help="A new order of the caption's tags at every step, so that none of them counts more.",
    )
    tag_dropout: float = option(
        0.0,
        "Drop out tags when creating prompts",
        group="Prompts",
        low=0,
        high=1,
        step=0.1,
        help="Share of the caption's tags left out at every step. 0.1 helps against overfitting; not above 0.3.",
    )
    keep_tags: int = option(
        0,
        "Keep first tags",
        group="Prompts",
        low=0,
        high=75,
        step=1,
        advanced=True,
        help="This many tags at the front are neither shuffled nor dropped.",
    )
    caption_dropout: float = option(
        0.0,
        "Drop out whole captions",
        group="Prompts",
        low=0,
        high=1,
        step=0.05,
        advanced=True,
        help="Share of the steps in which [filewords] is empty.",
    )
    clip_skip: int | None = option(
        None,
        "Clip skip",
        group="Prompts",
        low=1,
        high=12,
        step=1,
        advanced=True,
        help="Which layer from the end of the text encoder is used. Empty: as the host is set.",
    )

    batch_size: int = option(
        1,
        "Batch size",
        group="Optimiser",
        low=1,
        high=256,
        step=1,
        help="Pictures in one pass. Larger is steadier and takes more memory.",
    )
    gradient_accumulation: int = option(
        1,
        "Gradient accumulation steps",
        group="Optimiser",
        low=1,
        high=1024,
        step=1,
        help="Passes in one step. Steadier like a larger batch, without the memory, and slower.",
    )
    optimizer: Optimizer = option(
        "adamw",
        "Optimiser",
        group="Optimiser",
        advanced=True,
        help="adamw is A1111's. prodigy finds the learning rate by itself: set the rate to 1.",
    )
    beta1: float = option(
        0.9, "Beta 1", group="Optimiser", low=0, high=0.9999, advanced=True, help="Memory of the gradient's mean."
    )
    beta2: float = option(
        0.999, "Beta 2", group="Optimiser", low=0, high=0.99999, advanced=True, help="Memory of the gradient's square."
    )
    weight_decay: float = option(
        0.0,
        "Weight decay",
        group="Optimiser",
        low=0,
        high=1,
        advanced=True,
        help="Pulls the vectors to zero. Leave 0 when a norm rule is on.",
    )
    clip_gradient: ClipMode = option(
        "disabled",
        "Gradient Clipping",
        group="Optimiser",
        help="Limits the gradient by value or by norm. Seldom needed for embeddings.",
    )
    clip_value: str = option(
        "0.1", "Clipping limit", group="Optimiser", help="The limit; may change with the step like the learning rate."
    )
    ema: float = option(
        0.0,
        "EMA of the vectors",
        group="Optimiser",
        low=0,
        high=0.9999,
        advanced=True,
        help="Saves a running average of the vectors; 0.97 averages about 30 steps, 0 is off.",
    )
    norm_rule: NormRule = option(
        "none",
        "Norm rule",
        group="Optimiser",
        advanced=True,
        help="Long vectors drown the rest of the prompt. clamp limits their length, fixed keeps it, both in units of the model's own words.",
    )
    norm_limit: float = option(
        1.5,
        "Norm limit",
        group="Optimiser",
        low=0.1,
        high=1000,
        advanced=True,
        help="Length for the norm rule, as a multiple of the mean length of the model's own token vectors.",
    )

    loss: LossKind = option(
        "mse",
        "Loss",
        group="Objective",
        advanced=True,
        help="mse is the usual one; huber takes outliers less seriously.",
    )
    huber_delta: float = option(
        0.1,
        "Huber delta",
        group="Objective",
        low=0.0001,
        high=10,
        advanced=True,
        help="Errors above this count linearly.",
    )
    timesteps: TimestepSampling = option(
        "uniform",
        "Timesteps",
        group="Objective",
        advanced=True,
        help="stratified spreads the noise levels evenly over the batch and over successive steps: a steadier gradient at no cost.",
    )
    min_timestep: int = option(
        0,
        "Lowest timestep",
        group="Objective",
        low=0,
        high=999,
        step=1,
        advanced=True,
        help="Nearly clean pictures carry texture; raise it to learn layout only.",
    )
    max_timestep: int = option(
        999,
        "Highest timestep",
        group="Objective",
        low=0,
        high=999,
        step=1,
        advanced=True,
        help="Nearly pure noise carries layout; lower it to learn texture only.",
    )
    min_snr_gamma: float = option(
        0.0,
        "Min-SNR gamma",
        group="Objective",
        low=0,
        high=100,
        advanced=True,
        help="Weighs nearly clean steps less; 5 is usual, 0 is off. For subjects rather than styles.",
    )
    noise_offset: float = option(
        0.0,
        "Noise offset",
        group="Objective",
        low=0,
        high=1,
        advanced=True,
        help="Adds brightness to the noise. Off unless the model was trained with it.",
    )

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
        help="So that an earlier step can be used when later ones are overtrained.",
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
        help="A preview of what the embedding draws at that step.",
    )
    png_embedding: bool = option(
        True,
        "Save images with embedding in PNG chunks",
        group="Saving",
        help="Beside each preview a picture that carries the embedding itself: easy to share.",
    )
    preview_prompts: tuple[str, ...] = option(
        (),
        "Preview prompt",
        group="Saving",
        help="What previews show; one prompt a line, [name] is the embedding. Empty: a prompt of the template.",
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
        high=2**32 - 1,
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

    csv_every: int = option(
        500,
        "Loss table every N steps, 0 to disable",
        group="Watching",
        low=0,
        high=10_000_000,
        step=1,
        advanced=True,
        help="Rows of textual_inversion_loss.csv; one is always written at an evaluation and at the end.",
    )
    tensorboard: bool = option(
        False, "Write TensorBoard logs", group="Watching", advanced=True, help="Needs the tensorboard package."
    )
    evaluate_every: int = option(
        50,
        "Measure the fixed-batch loss every N steps, 0 to disable",
        group="Watching",
        low=0,
        high=10_000_000,
        step=1,
        advanced=True,
        help="The training loss is mostly noise. This one uses the same pictures, noise and timesteps each time: when it stops falling, learning has stopped.",
    )
    evaluate_samples: int = option(
        8,
        "Samples in the fixed batch",
        group="Watching",
        low=1,
        high=1024,
        step=1,
        advanced=True,
        help="More are steadier; each costs one pass without gradient.",
    )
    auto_stop: bool = option(
        False,
        "Stop by itself",
        group="Watching",
        advanced=True,
        help="Ends the run when the fixed-batch loss no longer changes.",
    )
    keep_best: bool = option(
        False,
        "Use the best step",
        group="Watching",
        advanced=True,
        help="The finished embedding is the step with the lowest fixed-batch loss, not the last one.",
    )

    checkpointing: bool = option(
        False, "Gradient checkpointing", group="Memory", advanced=True, help="Less memory, about a third slower."
    )
    precision: Precision = option(
        "auto",
        "Precision",
        group="Memory",
        advanced=True,
        help="Of the frozen model's arithmetic. auto: half precision on a GPU, full on a CPU. The vectors are always float32.",
    )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TrainConfig:
        """From values by name, as forms, HTTP and the command line give them. Raises InputError naming the field."""
        return build(cls, values)

    @classmethod
    def from_file(cls, path: Path) -> TrainConfig:
        """From a ``run.json``, or a JSON object of fields alone."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path} cannot be read as settings of a run: {error}.", field="config") from error
        if not isinstance(content, dict):
            raise InputError(f"{path} holds no settings: a JSON object was expected.", field="config")
        return cls.from_mapping(content.get("config", content))

    def to_mapping(self) -> dict[str, Any]:
        """Plain values by name, fit for JSON."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }

    def replace(self, **changes: Any) -> TrainConfig:
        """A copy with other values, checked like any input."""
        return self.from_mapping({**self.to_mapping(), **changes})
