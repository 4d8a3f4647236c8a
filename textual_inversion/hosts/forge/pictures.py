"""Parts of a preview that are Forge's own: its lookups of embeddings, and what a picture leaves on the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from modules_forge.utils import apply_circular_forge

from ...core.embedding.embedding import Vectors
from ...core.model.host import Picture, PictureRequest
from ..swapped import swapped
from ..webui_page.pictures import make_picture
from .text.encoders import text_engines
from .text.live import looked_up

_LEFT_ON_THE_ENGINE = (
    "forge_objects",
    "forge_objects_after_applying_lora",
    "current_lora_hash",
    "extra_generation_params",
    "comments",
)
"""LoRAs of the picture's prompt, and what its infotext says."""


def picture_with(engine: Any, request: PictureRequest, embeddings: Mapping[str, Vectors], *, clip_skip: int) -> Picture:
    """One picture of the prompt, with live vectors in it."""
    detached = {name: {key: rows.detach() for key, rows in vectors.items()} for name, vectors in embeddings.items()}
    with ExitStack() as stack:
        stack.enter_context(_as_it_was(engine))
        stack.enter_context(looked_up(text_engines(engine), detached))
        return make_picture(request, clip_skip=clip_skip)


@contextmanager
def _as_it_was(engine: Any) -> Iterator[None]:
    with ExitStack() as stack:
        left = {name: getattr(engine, name) for name in _LEFT_ON_THE_ENGINE if hasattr(engine, name)}
        stack.enter_context(swapped(engine, **left))
        for text in text_engines(engine):
            kept = {name: vars(text)[name] for name in ("clip_skip", "emphasis") if name in vars(text)}
            stack.enter_context(swapped(text, **kept))
        yield


@contextmanager
def without_tiling(engine: Any) -> Iterator[None]:
    """The tiling of the last picture stays in the engine's convolutions until the next one."""
    before = engine.tiling_enabled
    apply_circular_forge(engine, False)
    try:
        yield
    finally:
        apply_circular_forge(engine, before)
