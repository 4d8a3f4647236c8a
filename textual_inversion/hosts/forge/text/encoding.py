"""Prompts to conditioning through the engine's own text pipeline, with live vectors in it.

The engine's ``get_learned_conditioning`` switches gradients off, prints a line for each embedding and notes it for the next
infotext; so its parts are called one by one, as it calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from backend.text_processing import emphasis
from modules import shared
from torch import Tensor

from ....core.embedding.embedding import Vectors
from ....core.model.host import Conditioning
from ...swapped import swapped
from ...webui_page.live import LiveEmbedding
from ...webui_page.prompt_batch import Encoded, encode_batch
from .encoders import text_engines
from .live import looked_up


class PromptEncoder:
    """``clip_skip`` counts from the last layer (1) and stays, whatever is set meanwhile."""

    def __init__(self, engine: Any, *, clip_skip: int) -> None:
        self._engine = engine
        self._texts = text_engines(engine)
        self._clip_skip = clip_skip

    def encode(
        self, prompts: Sequence[str], embeddings: Mapping[str, Vectors], *, width: int, height: int
    ) -> Conditioning:
        with self._settings(embeddings) as live:
            return encode_batch(
                prompts,
                chunks=lambda prompt: self._texts[0].process_texts([prompt])[0][0],
                encode=lambda group: self._encode(group, width=width, height=height),
                live=live,
            )

    @contextmanager
    def _settings(self, embeddings: Mapping[str, Vectors]) -> Iterator[list[LiveEmbedding]]:
        with ExitStack() as stack:
            live = stack.enter_context(looked_up(self._texts, embeddings))
            for text in self._texts:
                stack.enter_context(swapped(text, clip_skip=self._clip_skip))
                if "emphasis" in vars(text):
                    chosen = emphasis.get_current_option(shared.opts.emphasis)()
                    stack.enter_context(swapped(text, emphasis=chosen))
                else:  # newer engines look it up themselves, and multiply in place what the pooled output was made from
                    stack.enter_context(swapped(text, encode_with_transformers=_cloned(text.encode_with_transformers)))
            yield live

    def _encode(self, prompts: Sequence[str], *, width: int, height: int) -> Encoded:
        """Context [B, tokens, width], and SDXL's vector [B, 2816]."""
        encoded = [_through(text, prompts) for text in self._texts]
        context = torch.cat([rows for rows, _ in encoded], dim=2)
        if len(encoded) == 1:
            return context, None
        pooled = encoded[-1][1]
        if pooled is None:
            raise RuntimeError("SDXL's second encoder gave no pooled vector")
        return context, torch.cat([pooled, self._sizes(width, height).expand(len(prompts), -1).to(pooled)], dim=1)

    def _sizes(self, width: int, height: int) -> Tensor:
        """[1, 1536]: the picture's size, where it was cut (as set in the web UI), and its size again, as SDXL was taught."""
        top, left = shared.opts.sdxl_crop_top, shared.opts.sdxl_crop_left
        numbers = [height, width, top, left, height, width]
        return torch.cat([self._engine.embedder(torch.tensor([float(each)])) for each in numbers]).flatten()[None]


def _cloned(encode: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def encode_with_transformers(tokens: Tensor) -> Tensor:
        output = encode(tokens)
        copy = output.clone()
        if (pooled := getattr(output, "pooled", None)) is not None:
            vars(copy)["pooled"] = pooled
        return copy

    return encode_with_transformers


def _through(text: Any, prompts: Sequence[str]) -> tuple[Tensor, Tensor | None]:
    """[B, tokens, width] of one encoder, and the pooled output of the first chunk where it has one."""
    batch, _ = text.process_texts(list(prompts))
    outputs = []
    for number in range(max(map(len, batch))):
        chunks = [parts[number] if number < len(parts) else text.empty_chunk() for parts in batch]
        text.embeddings.fixes = [chunk.fixes for chunk in chunks]
        outputs.append(text.process_tokens([chunk.tokens for chunk in chunks], [chunk.multipliers for chunk in chunks]))
    return torch.hstack(outputs), getattr(outputs[0], "pooled", None)
