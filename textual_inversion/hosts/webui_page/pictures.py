"""Previews: a txt2img picture of the web UI, made in the middle of a run, after which all is as before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from modules import processing, rng, sd_samplers, shared

from ...core.base.errors import InputError, LeaseError
from ...core.model.host import Picture, PictureRequest
from ..rng import forked
from ..swapped import swapped
from .options import options_set

_PROGRESS = (
    "job",
    "job_no",
    "job_count",
    "sampling_step",
    "sampling_steps",
    "current_latent",
    "current_image_sampling_step",
    "preview_step",
    "textinfo",
    "time_start",
)


def make_picture(request: PictureRequest, *, clip_skip: int, scripts: Any = None) -> Picture:
    """One picture of the prompt, without scripts, hires fix, refiner, face restoration or tiling.

    Live vectors are in the web UI's lookup already. ``scripts`` is an empty ``ScriptRunner`` where the web UI cannot do without.
    Raises InputError for a sampler that the web UI does not have, LeaseError where it was interrupted.
    """
    with ExitStack() as stack:
        stack.enter_context(forked())
        stack.enter_context(_own_generator())
        stack.enter_context(_progress_kept())
        # Not the picture's override_settings: those leave behind what the settings file does not name.
        stack.enter_context(
            options_set(CLIP_stop_at_last_layers=clip_skip, live_previews_enable=False, multiple_tqdm=False)
        )
        stack.enter_context(
            swapped(shared.cmd_opts, no_prompt_history=True)
        )  # params.txt is of the user's last picture
        p = _processing(request)
        if scripts is not None:
            p.scripts = scripts
        return _process(p)


def _processing(request: PictureRequest) -> Any:
    p = processing.StableDiffusionProcessingTxt2Img(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        **_sampler(request.sampler),
        steps=request.steps,
        cfg_scale=request.guidance_scale,
        seed=request.seed,
        width=request.width,
        height=request.height,
        restore_faces=False,
        tiling=False,
        do_not_save_samples=True,
        do_not_save_grid=True,
        do_not_reload_embeddings=True,
    )
    # Conditioning is cached by the prompt's text, for all pictures: with vectors that move, it must neither be found nor left.
    p.cached_c, p.cached_uc = _empty(type(p).cached_c), _empty(type(p).cached_uc)
    return p


def _process(p: Any) -> Picture:
    try:
        with closing(p):
            processed = processing.process_images(p)
            if not processed.images:
                raise LeaseError("The preview was interrupted.")
            # Its own list of infotexts lacks what the prompt says of LoRAs where there are no scripts.
            return Picture(image=processed.images[0], infotext=processed.infotext(p, 0))
    finally:
        if shared.total_tqdm is not None:
            shared.total_tqdm.clear()  # the bar in the console, which goes on counting otherwise


def _sampler(name: str) -> dict[str, str]:
    """The fields of a picture for "DPM++ 2M Karras": sampler and schedule, or one name for both before A1111 1.9.

    The web UI would take its first sampler for a name it does not know, so that is refused here.
    """
    split = getattr(sd_samplers, "get_sampler_and_scheduler", None)
    if split is None:
        known = name in sd_samplers.all_samplers_map
        fields = {"sampler_name": name}
    else:
        sampler, scheduler = split(name, "Automatic", convert_automatic=False)
        known = name.startswith(sampler)
        fields = {"sampler_name": sampler, "scheduler": scheduler}
    if not known:
        names = ", ".join(sorted(sd_samplers.all_samplers_map))
        raise InputError(f"The web UI has no sampler {name!r}. It has: {names}.", field="preview_sampler")
    return fields


@contextmanager
def _own_generator() -> Iterator[None]:
    """The web UI's imitation of NVIDIA's generator is a global of its module, there from its first use on."""
    with swapped(rng, nv_rng=vars(rng).get("nv_rng")):
        yield


@contextmanager
def _progress_kept() -> Iterator[None]:
    """The picture counts its own steps on the web UI's progress display; a wish to stop stays there."""
    state = shared.state
    with swapped(state, **{name: getattr(state, name) for name in _PROGRESS if hasattr(state, name)}):
        state.sampling_step = state.sampling_steps = 0
        yield


def forget_cached_conditioning() -> None:
    """An embedding has changed: prompts that were encoded with the old one must be encoded again."""
    for kind, names in (
        (processing.StableDiffusionProcessing, ("cached_c", "cached_uc")),
        (processing.StableDiffusionProcessingTxt2Img, ("cached_hr_c", "cached_hr_uc")),
    ):
        for name in names:
            setattr(kind, name, _empty(getattr(kind, name)))


def _empty(cache: list[Any]) -> list[None]:
    """Caches have two entries, or a third with what the infotext says."""
    return [None] * len(cache)
