"""One frozen CLIP text encoder: encodes chunks of a prompt with embeddings standing in its token lookup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ....core.settings.prompts import CHUNK_TOKENS
from ..checkpoint.build import TextTower
from ..checkpoint.layout import TextLayout
from ..checkpoint.tokenizer import ClipTokenizer
from .prompts import Chunk, NameIndex, chunk_prompt, pad_after_end


@contextmanager
def spliced(lookup: nn.Module, chunks: Sequence[Chunk], vectors: Mapping[str, Tensor]) -> Iterator[None]:
    """Inside, ``lookup`` gives the embeddings' vectors at their places in ``chunks``, one row of its input each.

    Differentiable with respect to ``vectors``; the table stays out of the graph. Leaving takes the hook off again.
    """
    places = [
        (row, fix.offset + 1 + i)
        for row, chunk in enumerate(chunks)
        for fix in chunk.insertions
        for i in range(fix.rows)
    ]
    if not places:
        yield
        return
    rows = [vectors[fix.name] for chunk in chunks for fix in chunk.insertions]

    def splice(_module: nn.Module, _inputs: object, looked_up: Tensor) -> Tensor:
        values = torch.cat([row.to(looked_up) for row in rows])
        index = torch.tensor(places, device=looked_up.device).unbind(dim=1)
        return looked_up.index_put(index, values)

    handle = lookup.register_forward_hook(splice)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def captured(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Inside, the list receives what ``layer`` puts out. (transformers' own way leaves its hooks behind.)"""
    outputs: list[Tensor] = []
    handle = layer.register_forward_hook(
        lambda _module, _inputs, output: outputs.append(output if isinstance(output, Tensor) else output[0])
    )
    try:
        yield outputs
    finally:
        handle.remove()


def emphasised(hidden: Tensor, weights: Tensor) -> Tensor:
    """Multiply tokens by their weights, then restore each chunk's mean (A1111's emphasis "Original").

    ``hidden`` is [chunks, 77, width], ``weights`` [chunks, 77]. Chunks whose weights are all 1 come back untouched.
    """
    if bool((weights == 1).all()):
        return hidden
    weighted = hidden * weights.to(hidden)[..., None]
    restored = weighted * (hidden.mean(dim=(1, 2), keepdim=True) / weighted.mean(dim=(1, 2), keepdim=True))
    plain = (weights == 1).all(dim=1).to(hidden.device)
    return torch.where(plain[:, None, None], hidden, restored)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """``hidden`` [chunks, 77, width] is what the U-Net reads; ``pooled`` [chunks, width] is SDXL's, else None."""

    hidden: Tensor
    pooled: Tensor | None


class ClipEncoder:
    """Implements ``core.host.TextEncoder``, and encodes whole prompts."""

    def __init__(self, *, tower: TextTower, layout: TextLayout, tokenizer: ClipTokenizer, normed: bool) -> None:
        """``normed``: whether an earlier layer's output goes through the final layer norm (SD 1.x and 2.x, not SDXL)."""
        self.model = tower.model
        self._projection = tower.projection
        self._layout = layout
        self._tokenizer = tokenizer
        self._normed = normed
        self.special = tokenizer.special

    @property
    def width(self) -> int:
        return self._layout.width

    @property
    def _body(self) -> nn.Module:
        return getattr(self.model, "text_model", self.model)  # transformers 4 and 5

    @property
    def _lookup(self) -> nn.Embedding:
        return self._body.embeddings.token_embedding

    def tokenize(self, text: str) -> list[int]:
        return self._tokenizer.encode(text)

    def token_text(self, token_id: int) -> str:
        return self._tokenizer.token_text(token_id)

    def table(self) -> Tensor:
        return self._lookup.weight.detach().to("cpu", torch.float32)

    @torch.no_grad()
    def encode_words(self, text: str) -> Tensor:
        ids = self.tokenize(text)[:CHUNK_TOKENS]
        missing = CHUNK_TOKENS - len(ids)
        tokens = [self.special.start, *ids, *[self.special.end] * (missing + 1)]
        chunk = Chunk(tokens=tuple(tokens), weights=(1.0,) * len(tokens))
        output = self.model(input_ids=self._token_ids([chunk])).last_hidden_state
        return output[0, 1 : 1 + len(ids)].to("cpu", torch.float32)

    def chunks(self, prompt: str, *, names: NameIndex, backtrack: int = 20) -> list[Chunk]:
        """The prompt cut into chunks, see ``prompts.chunk_prompt``."""
        return chunk_prompt(prompt, tokenize=self.tokenize, special=self.special, names=names, backtrack=backtrack)

    def encode(self, chunks: Sequence[Chunk], vectors: Mapping[str, Tensor], *, clip_skip: int = 1) -> Encoded:
        """Encode chunks side by side, weights applied.

        ``vectors`` holds [rows, width] of every embedding in the chunks. ``clip_skip`` counts from the last layer (1)
        and means something for SD 1.x only, as in A1111.
        """
        back = self._layers_back(clip_skip)
        with spliced(self._lookup, chunks, vectors), captured(self._body.encoder.layers[-back]) as earlier:
            last = self.model(input_ids=self._token_ids(chunks)).last_hidden_state
        hidden = last if back == 1 else self._body.final_layer_norm(earlier[0]) if self._normed else earlier[0]
        weights = torch.tensor([chunk.weights for chunk in chunks])
        precise = torch.promote_types(hidden.dtype, torch.float32)
        return Encoded(hidden=emphasised(hidden.to(precise), weights), pooled=self._pooled(last.to(precise), chunks))

    def _layers_back(self, clip_skip: int) -> int:
        """1 is the last layer, whose output always goes through the final norm."""
        skips = self._layout.flavour == "clip" and self._layout.output == "last"
        back = clip_skip if skips else {"last": 1, "penultimate": 2}[self._layout.output]
        return min(max(1, back), self._layout.layers)

    def _pooled(self, last: Tensor, chunks: Sequence[Chunk]) -> Tensor | None:
        if self._projection is None:
            return None
        ends = torch.tensor([chunk.tokens.index(self.special.end) for chunk in chunks], device=last.device)
        return last[torch.arange(len(chunks), device=last.device), ends] @ self._projection.to(last)

    def _token_ids(self, chunks: Sequence[Chunk]) -> Tensor:
        rows = [pad_after_end(chunk.tokens, self.special) for chunk in chunks]
        return torch.tensor(rows, device=self._lookup.weight.device)
