"""Prompts to conditioning through the web UI's own text pipeline, with live vectors in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from modules import devices, prompt_parser

from ...core.embedding.embedding import Vectors
from ...core.model.host import Conditioning
from ..swapped import swapped
from ..webui_page.live import LiveEmbedding
from ..webui_page.options import options_set
from ..webui_page.prompt_batch import Encoded, encode_batch
from .encoders import text_embedders
from .live import live_embeddings, looked_up


class PromptEncoder:
    """``clip_skip`` counts from the last layer (1) and stays, whatever is set meanwhile."""

    def __init__(self, model: Any, *, clip_skip: int) -> None:
        self._model = model
        self._clip_skip = clip_skip

    def encode(
        self, prompts: Sequence[str], embeddings: Mapping[str, Vectors], *, width: int, height: int
    ) -> Conditioning:
        live = live_embeddings(self._model, embeddings)
        with self._settings(live):
            return encode_batch(
                prompts,
                chunks=lambda prompt: self._model.cond_stage_model.process_texts([prompt])[0][0],
                encode=lambda group: self._encode_group(group, (width, height)),
                live=live,
            )

    @contextmanager
    def _settings(self, live: Sequence[LiveEmbedding]) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(looked_up(live))
            stack.enter_context(options_set(CLIP_stop_at_last_layers=self._clip_skip))
            if hasattr(self._model, "conditioner"):
                for embedder in text_embedders(self._model):  # others run under no_grad in SGM's conditioner
                    stack.enter_context(swapped(embedder, is_trainable=True))
            stack.enter_context(devices.autocast())
            yield

    def _encode_group(self, prompts: Sequence[str], size: tuple[int, int]) -> Encoded:
        """[B, tokens, width], and SDXL's vector [B, 2816]."""
        if not hasattr(self._model, "conditioner"):
            return self._model.cond_stage_model(list(prompts)), None
        batch = prompt_parser.SdConditioning(list(prompts), width=size[0], height=size[1])
        conditioning = self._model.get_learned_conditioning(batch)
        return conditioning["crossattn"], conditioning["vector"]
