"""Context drift: how much the embedding changes what the words around it mean (Wu et al., CoRe, AAAI 2025, L_emb).

It needs the text encoder alone: no pictures, no U-Net. As a figure it tells whether prompts are still obeyed; as a term of the
loss it keeps them so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn.functional import cosine_similarity

from ..base.randomness import generator
from ..embedding.embedding import Vectors
from ..embedding.pair import positive_half
from ..model.host import Lease
from ..settings.prompts import CHUNK_TOKENS

CONTEXTS = (
    "on a blue background, at the left",
    "on a white background, in the centre",
    "at the top, black background, flat style",
    "in the style of a painting",
    "next to a red circle",
    "on a beach in the snow",
    "made of wood, seen from above",
    "wearing a green hat, at the right",
    "at night, with mountains behind",
    "and a yellow square on a grey background",
    "in a small room, shaded style, at the bottom",
    "standing on the grass, photo in black and white",
)
"""Texts that follow the embedding in the prompts; every word of them is one that should keep its meaning."""


@dataclass(frozen=True, kw_only=True)
class ContextDrift:
    """Compares the encoder's outputs at the words after the embedding with those after ``reference`` in its place.

    ``reference`` are the class word's vectors, as many rows as the embedding has: so every word keeps its place in the
    prompt. Words before the embedding cannot change, as the encoders look back only.
    """

    lease: Lease
    name: str
    reference: Vectors
    size: tuple[int, int]
    contexts: Sequence[str] = CONTEXTS
    _known: dict[str, tuple[torch.Tensor, int]] = field(
        default_factory=dict[str, tuple[torch.Tensor, int]], init=False, repr=False, compare=False
    )

    @torch.no_grad()
    def measure(self, vectors: Mapping[str, torch.Tensor]) -> float | None:
        """The mean of 1 - cosine over the words of all contexts, 0 to 2, for vectors [vectors, width] by encoder.

        None where no context fits beside the vectors.
        """
        contexts = self._fitting()
        return float(self._between(vectors, contexts)) if contexts else None

    def term(self, vectors: Mapping[str, torch.Tensor], *, seed: int, step: int, count: int = 4) -> torch.Tensor | None:
        """The same over ``count`` contexts drawn for this step, a scalar [] with a gradient."""
        contexts = self._fitting()
        if not contexts:
            return None
        order = torch.randperm(len(contexts), generator=generator(seed, "contexts", step))
        return self._between(vectors, [contexts[place] for place in order[:count].tolist()])

    def _fitting(self) -> list[str]:
        return [text for text in self.contexts if self._rows + self._words(text) <= CHUNK_TOKENS]

    @property
    def _rows(self) -> int:
        return next(iter(self.reference.values())).shape[0]

    def _words(self, text: str) -> int:
        return len(next(iter(self.lease.encoders.values())).tokenize(text))

    def _between(self, vectors: Mapping[str, torch.Tensor], contexts: Sequence[str]) -> torch.Tensor:
        """The mean of 1 - cosine over the words of ``contexts``, a scalar []."""
        outputs = self._encoded(positive_half(vectors), contexts)
        parts: list[torch.Tensor] = []
        for text, output in zip(contexts, outputs, strict=True):
            wanted, count = self._wanted(text)
            words = output[1 + self._rows : 1 + self._rows + count]
            parts.append(1 - cosine_similarity(words, wanted, dim=-1).mean())
        return torch.stack(parts).mean()

    def _wanted(self, text: str) -> tuple[torch.Tensor, int]:
        """The outputs [words, width] at the words of ``text`` after the reference, computed once; and how many they
        are."""
        if text not in self._known:
            count = self._words(text)
            with torch.no_grad():
                output = self._encoded(self.reference, [text])[0]
            self._known[text] = (output[1 + self._rows : 1 + self._rows + count], count)
        return self._known[text]

    def _encoded(self, vectors: Vectors, contexts: Sequence[str]) -> torch.Tensor:
        """The encoder's outputs, float32 [contexts, tokens, width], with ``vectors`` in the place of the name."""
        width, height = self.size
        prompts = [f"{self.name} {text}" for text in contexts]
        done = self.lease.encode_prompts(prompts, embeddings={self.name: vectors}, width=width, height=height)
        return done.context.float()
