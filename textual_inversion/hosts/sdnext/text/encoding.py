"""Prompts to conditioning through the web UI's own prompt parser, with live vectors in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from modules import prompt_parser_diffusers, shared
from torch import Tensor

from ....core.base.errors import LeaseError
from ....core.embedding.embedding import Vectors
from ....core.model.host import Conditioning
from ...swapped import swapped
from ...webui_page.options import options_set
from ..model.pipeline import family_of, text_encoders
from .tokens import Tokens

_PINNED = (
    "prompt_attention",
    "prompt_mean_norm",
    "diffusers_zeros_prompt_pad",
    "te_pooled_embeds",
    "sd_textencder_linebreak",
)
"""Settings that decide what a prompt means."""


class PromptEncoder:
    """``clip_skip`` counts from the last layer (1); this and the settings of prompts stay, whatever is set meanwhile."""

    def __init__(self, pipe: Any, tokens: Tokens, *, clip_skip: int) -> None:
        self._pipe = pipe
        self._tokens = tokens
        self._clip_skip = clip_skip
        self._settings = {name: getattr(shared.opts, name) for name in _PINNED}
        self._sized = family_of(pipe) == "sdxl"

    def encode(
        self,
        prompts: Sequence[str],
        vectors: Mapping[str, Vectors],
        *,
        live: Mapping[str, Vectors],
        width: int,
        height: int,
    ) -> Conditioning:
        """Encode each distinct prompt once, and alone, as the web UI does; shorter ones are padded as its are.

        ``vectors`` are all that stand in the lookup, ``live`` those of them that count as inserted. SDXL's sizes stay
        numbers: the U-Net makes them into waves itself.
        """
        distinct = list(dict.fromkeys(prompts))
        with self._tokens.standing(vectors) as standing, self.settings(), _quietly():
            encoded = [self._one(standing.written(prompt)) for prompt in distinct]
            contexts = self._of_one_length([context for context, _ in encoded])
            counts = {prompt: standing.inserted(prompt, live) for prompt in distinct}
        context = torch.cat(contexts)
        vector = None
        if self._sized:
            sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32, device=context.device)
            vector = torch.cat([torch.cat([pooled.float(), sizes], dim=1) for _, pooled in encoded])
        places = [distinct.index(prompt) for prompt in prompts]
        if places != list(range(len(distinct))):
            context, vector = context[places], None if vector is None else vector[places]
        return Conditioning(context=context, vector=vector, inserted=tuple(counts[prompt] for prompt in prompts))

    @contextmanager
    def settings(self) -> Iterator[None]:
        """Inside, the web UI's settings of prompts are those with which the lease began."""
        with options_set(**self._settings):
            yield

    def _one(self, prompt: str) -> tuple[Tensor, Any]:
        """[1, tokens, width], and SDXL's pooled vector [1, width]. The parser's negative half is left empty, so it costs nothing."""
        context, pooled, *_ = prompt_parser_diffusers.get_weighted_text_embeddings(
            self._view(), prompt, "", self._clip_skip, diffusers_zeros_prompt_pad=True
        )
        if context is None or (self._sized and pooled is None):
            raise LeaseError("SD.Next could not encode a prompt with this model's text encoders; its console says why.")
        return context, pooled

    def _of_one_length(self, contexts: list[Tensor]) -> list[Tensor]:
        if len({context.shape[1] for context in contexts}) < 2:
            return contexts
        with torch.no_grad():
            longest = max(contexts, key=lambda context: context.shape[1]).detach()
            padded = [
                prompt_parser_diffusers.pad_to_same_length(self._pipe, [context.detach(), longest])[0]
                for context in contexts
            ]
        return [
            torch.cat([context, filled[:, context.shape[1] :]], dim=1)
            for context, filled in zip(contexts, padded, strict=True)
        ]

    def _view(self) -> Any:
        """The pipeline as the parser needs it, with our tokenizers; its account of embeddings in use is not touched."""
        parts: dict[str, Any] = {}
        for (key, (_, model)), suffix in zip(text_encoders(self._pipe).items(), ("", "_2"), strict=False):
            parts |= {f"tokenizer{suffix}": self._tokens.tokenizers[key], f"text_encoder{suffix}": model}
        kind = type(type(self._pipe).__name__, (SimpleNamespace,), {})
        return kind(**parts, encode_prompt=self._pipe.encode_prompt)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the parser does beside its work at each call: statistics for the log, and moves of what is there already."""
    parser = prompt_parser_diffusers
    with ExitStack() as stack:
        stack.enter_context(swapped(parser, get_tokens=lambda *_: 0))
        stack.enter_context(swapped(parser, sd_models=SimpleNamespace(move_model=lambda *_, **__: None)))
        yield
