"""Previews: a text to image picture of the web UI, made in the middle of a run, after which all is as before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from modules import (
    processing,
    processing_args,
    processing_callbacks,
    processing_diffusers,
    processing_info,
    prompt_parser_diffusers,
    sd_samplers,
    shared,
)
from PIL import Image

from ...core.base.errors import InputError, LeaseError
from ...core.embedding.embedding import Vectors
from ...core.model.host import Picture, PictureRequest
from ...core.record.kept_steps import StepCopies
from ..rng import forked
from ..swapped import swapped
from ..webui_page.options import options_set
from .model.refusals import is_inpainting
from .progress import progress_kept
from .text.passing import pass_on
from .text.tokens import Tokens

_SIGMAS = {"karras": "karras", "exponential": "exponential", "beta": "betas"}
"""Schedules at the end of a sampler's name, as other web UIs write it, and what the web UI's setting calls them."""


def make_picture(
    pipe: Any,
    request: PictureRequest,
    embeddings: Mapping[str, Vectors],
    *,
    tokens: Tokens,
    copies: StepCopies | None,
    clip_skip: int,
) -> Picture:
    """One picture of the prompt, without scripts, second pass, refiner, detailer or tiling.

    Raises InputError for a sampler that the web UI does not have, LeaseError where it was interrupted or failed.
    """
    sampler, sigmas = _sampler(request.sampler)
    with ExitStack() as stack:
        stack.enter_context(forked())
        stack.enter_context(progress_kept())
        stack.enter_context(_traces_kept(pipe))
        # The cache of encoded prompts goes by their text: with vectors that move it must neither be asked nor filled.
        stack.enter_context(
            options_set(sd_textencoder_cache_size=0, schedulers_sigma=sigmas, samples_save=False, grid_save=False)
        )
        told = stack.enter_context(_prompts_with(tokens, copies, embeddings))
        p = processing.StableDiffusionProcessingTxt2Img(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            sampler_name=sampler,
            steps=request.steps,
            cfg_scale=request.guidance_scale,
            seed=request.seed,
            width=request.width,
            height=request.height,
            clip_skip=clip_skip,
            do_not_save_samples=True,
            do_not_save_grid=True,
        )
        if is_inpainting(pipe):
            _draw_over_grey(p, request)
        return replace(_process(p), warnings=tuple(dict.fromkeys(told)))


def _draw_over_grey(p: Any, request: PictureRequest) -> None:
    """Have an inpainting model draw all of the picture; without a mask the web UI takes it for image to image and fails."""
    size = (request.width, request.height)
    p.init_images, p.image_mask = [Image.new("RGB", size, (127, 127, 127))], Image.new("L", size, 255)
    p.denoising_strength = 1.0


def _process(p: Any) -> Picture:
    p.scripts, p.script_args = None, []
    shared.state.interrupted = shared.state.skipped = False
    processed = processing.process_images(p)
    if processed is None or not processed.images:
        raise LeaseError("The preview was interrupted, or SD.Next could not make it; its console says why.")
    return Picture(image=processed.images[0], infotext=processed.infotexts[0])


@contextmanager
def _prompts_with(tokens: Tokens, copies: StepCopies | None, live: Mapping[str, Vectors]) -> Iterator[list[str]]:
    """Inside, prompts are encoded with the live vectors and kept steps; the list receives sentences about them."""
    first = processing_args.set_prompt
    told: list[str] = []

    def set_prompt(p: Any, *arguments: Any) -> Any:
        return pass_on(first, p, arguments, tokens=tokens, copies=copies, live=live, tell=told.append)

    with swapped(processing_args, set_prompt=set_prompt):
        yield told


def _sampler(name: str) -> tuple[str, str]:
    """ "DPM++ 2M Karras" -> ("DPM++ 2M", "karras"). The web UI takes its default for a name that it does not know."""
    known = {each.name.lower(): each.name for each in sd_samplers.visible_samplers()}
    if name.lower() in known:
        return known[name.lower()], "default"
    plain, _, schedule = name.rpartition(" ")
    if plain.lower() in known and schedule.lower() in _SIGMAS:
        return known[plain.lower()], _SIGMAS[schedule.lower()]
    listed = ", ".join(sorted(known.values()))
    raise InputError(f"SD.Next has no sampler {name!r}. It has: {listed}.", field="preview_sampler")


@contextmanager
def _traces_kept(pipe: Any) -> Iterator[None]:
    """The web UI remembers its last picture in many places: for reprocessing, its gallery, its parser, its sampler."""
    history, database = shared.history, pipe.embedding_db
    parser, callbacks = prompt_parser_diffusers, processing_callbacks
    with ExitStack() as stack:
        for owner, names in (
            (processing, ("processed",)),
            (processing_diffusers, ("last_p", "orig_pipeline")),
            (callbacks, ("p", "warned")),
            (processing_info, ("args", "infotext")),
            (parser, ("last_attention", "embedder", "token_dict", "token_type")),
        ):
            stack.enter_context(swapped(owner, **{name: vars(owner)[name] for name in names}))
        stack.enter_context(swapped(history, latents=history.latents.copy(), index=history.index))
        stack.enter_context(swapped(database, embeddings_used=list(database.embeddings_used)))
        stack.enter_context(swapped(pipe, scheduler=pipe.scheduler))
        stack.enter_context(_plain_values_kept(pipe))
        yield


@contextmanager
def _plain_values_kept(pipe: Any) -> Iterator[None]:
    """A pipeline notes numbers and flags of its last picture among its attributes."""
    plain = (bool, int, float, str, type(None))
    before = {name: value for name, value in vars(pipe).items() if isinstance(value, plain)}
    try:
        yield
    finally:
        for name, value in list(vars(pipe).items()):
            if isinstance(value, plain) and name not in before:
                delattr(pipe, name)
        vars(pipe).update(before)
