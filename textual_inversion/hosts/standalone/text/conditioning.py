"""Prompts to what the U-Net is told: chunks side by side, encoders joined, SDXL's sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ....core.embedding.embedding import Vectors
from ....core.model.host import Conditioning
from .prompts import Chunk, NameIndex, empty_chunk, inserted_rows
from .text import ClipEncoder

SIZE_FREQUENCIES = 256


class PromptEncoder:
    """All text encoders of a model as one."""

    def __init__(self, encoders: Mapping[str, ClipEncoder]) -> None:
        self._encoders = encoders
        self._name_ids: dict[tuple[str, str], list[int]] = {}

    def encode(
        self,
        prompts: Sequence[str],
        *,
        live: Mapping[str, Vectors],
        files: Mapping[str, Vectors],
        clip_skip: int,
        size: tuple[int, int],
        backtrack: int = 20,
        words: Sequence[str] = (),
    ) -> Conditioning:
        """Encode ``prompts``; each distinct one once. ``size`` is width and height in pixels.

        All are padded with empty chunks to the longest, as A1111 does. ``live`` wins over ``files``; ``words`` begin with a
        name and are none.
        """
        distinct = list(dict.fromkeys(prompts))
        contexts: list[Tensor] = []
        vector: Tensor | None = None
        counts: list[int] = []
        for key, encoder in self._encoders.items():
            rows = _rows(key, live=live, files=files)
            chunked = self._chunks(key, distinct, rows, backtrack, words)
            counts = [inserted_rows(chunks, live) for chunks in chunked]
            length = len(chunked[0])
            encoded = encoder.encode([chunk for chunks in chunked for chunk in chunks], rows, clip_skip=clip_skip)
            contexts.append(encoded.hidden.unflatten(0, (len(distinct), length)).flatten(1, 2))
            if encoded.pooled is not None:
                pooled = encoded.pooled[::length]  # of each prompt's first chunk
                vector = torch.cat([pooled, size_vector(*size).to(pooled).expand(len(distinct), -1)], dim=1)
        context = torch.cat(contexts, dim=-1) if len(contexts) > 1 else contexts[0]
        places = [distinct.index(prompt) for prompt in prompts]
        if places != list(range(len(distinct))):
            context, vector = context[places], None if vector is None else vector[places]
        return Conditioning(context=context, vector=vector, inserted=tuple(counts[place] for place in places))

    def names_in(
        self,
        prompts: Sequence[str],
        *,
        live: Mapping[str, Vectors],
        files: Mapping[str, Vectors],
        words: Sequence[str] = (),
    ) -> list[str]:
        """The names of the embeddings that stand in these prompts, in the order in which they come."""
        key = next(iter(self._encoders))
        chunked = self._chunks(key, prompts, _rows(key, live=live, files=files), 20, words)
        return list(dict.fromkeys(fix.name for chunks in chunked for chunk in chunks for fix in chunk.insertions))

    def _chunks(
        self, key: str, prompts: Sequence[str], rows: Mapping[str, Tensor], backtrack: int, words: Sequence[str]
    ) -> list[list[Chunk]]:
        """The chunks of every prompt, all padded with empty ones to the longest."""
        encoder = self._encoders[key]
        names = NameIndex(
            ((name, self._ids(key, name), len(tensor)) for name, tensor in rows.items()),
            words=[self._ids(key, word) for word in words],
            texts=prompts,
        )
        chunked = [encoder.chunks(prompt, names=names, backtrack=backtrack) for prompt in prompts]
        length = max(len(chunks) for chunks in chunked)
        return [[*chunks, *[empty_chunk(encoder.special)] * (length - len(chunks))] for chunks in chunked]

    def _ids(self, key: str, name: str) -> list[int]:
        """A name's token ids, kept: a folder may hold thousands of embeddings, and every step asks."""
        if (key, name) not in self._name_ids:
            self._name_ids[key, name] = self._encoders[key].tokenize(name)
        return self._name_ids[key, name]


def _rows(key: str, *, live: Mapping[str, Vectors], files: Mapping[str, Vectors]) -> dict[str, Tensor]:
    """One encoder's vectors by name, the live ones first: of names with the same tokens the first is found."""
    merged = {**live, **{name: vectors for name, vectors in files.items() if name not in live}}
    return {name: vectors[key] for name, vectors in merged.items()}


def size_vector(width: int, height: int) -> Tensor:
    """SDXL's sizes [1536]: original, crop corner (0, 0) and target as cosines and sines (sgm, ``sd_xl_base.yaml``)."""
    sizes = torch.tensor([height, width, 0, 0, height, width], dtype=torch.float32)
    half = SIZE_FREQUENCIES // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    angles = sizes[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1).flatten()
