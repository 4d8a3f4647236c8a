"""Prompts to conditioning through the web UI's own text pipeline, with live vectors in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from modules import devices, prompt_parser, shared
from torch import Tensor

from ....core.embedding.embedding import Vectors
from ....core.model.host import Conditioning
from ...swapped import swapped
from ...webui_page.options import options_set
from .live import LiveEmbedding, live_embeddings, looked_up
from .text import text_embedders

_Encoded = tuple[Tensor, "Tensor | None"]


class PromptEncoder:
    """``clip_skip`` counts from the last layer (1) and stays, whatever is set meanwhile."""

    def __init__(self, model: Any, *, clip_skip: int) -> None:
        self._model = model
        self._clip_skip = clip_skip

    def encode(
        self, prompts: Sequence[str], embeddings: Mapping[str, Vectors], *, width: int, height: int
    ) -> Conditioning:
        """Encode each distinct prompt once; all are padded with empty chunks to the longest, as in a picture's batch."""
        distinct = list(dict.fromkeys(prompts))
        live = live_embeddings(self._model, embeddings)
        with self._settings(live):
            chunks = {prompt: self._model.cond_stage_model.process_texts([prompt])[0][0] for prompt in distinct}
            contexts, vectors = self._encode_all(distinct, chunks, (width, height))
        places = [distinct.index(prompt) for prompt in prompts]
        counts = {prompt: _inserted(chunks[prompt], live) for prompt in distinct}
        return Conditioning(
            context=contexts[places] if places != list(range(len(distinct))) else contexts,
            vector=None if vectors is None else vectors[places],
            inserted=tuple(counts[prompt] for prompt in prompts),
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

    def _encode_all(
        self, prompts: Sequence[str], chunks: Mapping[str, Sequence[Any]], size: tuple[int, int]
    ) -> tuple[Tensor, Tensor | None]:
        """Plain prompts side by side; each with emphasis by itself.

        The web UI's emphasis "Original" restores the mean over its whole batch. A picture's prompt comes alone, so one
        prompt must not change another here.
        """
        alone = [prompt for prompt in prompts if _has_emphasis(chunks[prompt])]
        together = [prompt for prompt in prompts if prompt not in alone]
        groups = [*([together] if together else []), *([prompt] for prompt in alone)]
        length = max(len(chunks[prompt]) for prompt in prompts)
        rows: dict[str, _Encoded] = {}
        for group in groups:
            context, vector = self._encode_group(group, size)
            missing = length - max(len(chunks[prompt]) for prompt in group)
            if missing:
                empty = self._encode_group([""], size)[0].repeat(len(group), missing, 1)
                context = torch.cat([context, empty], dim=1)
            for index, prompt in enumerate(group):
                rows[prompt] = (context[index], None if vector is None else vector[index])
        vectors = [vector for prompt in prompts if (vector := rows[prompt][1]) is not None]
        return torch.stack([rows[prompt][0] for prompt in prompts]), torch.stack(vectors) if vectors else None

    def _encode_group(self, prompts: Sequence[str], size: tuple[int, int]) -> _Encoded:
        """[B, tokens, width], and SDXL's vector [B, 2816]."""
        if not hasattr(self._model, "conditioner"):
            return self._model.cond_stage_model(list(prompts)), None
        batch = prompt_parser.SdConditioning(list(prompts), width=size[0], height=size[1])
        conditioning = self._model.get_learned_conditioning(batch)
        return conditioning["crossattn"], conditioning["vector"]


def _has_emphasis(chunks: Sequence[Any]) -> bool:
    return shared.opts.emphasis == "Original" and any(weight != 1.0 for chunk in chunks for weight in chunk.multipliers)


def _inserted(chunks: Sequence[Any], live: Sequence[LiveEmbedding]) -> int:
    """Count the rows of live vectors that went into a prompt."""
    ours = {id(entry.embedding) for entry in live}
    fixes = (fix for chunk in chunks for fix in chunk.fixes)
    return sum(int(fix.embedding.vectors) for fix in fixes if id(fix.embedding) in ours)
