"""First vectors of an embedding: words, zeros, noise, the encoder's own output, or another embedding."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..base.errors import InputError
from ..base.randomness import generator
from ..model.host import TextEncoder
from ..settings.creation import MAX_VECTORS, InitMethod


def initial_vectors(
    encoders: Mapping[str, TextEncoder], *, method: InitMethod, text: str, count: int, seed: int = 0
) -> dict[str, torch.Tensor]:
    """New vectors for every encoder, float32 [count, width].

    ``text``: the token vectors of the words, stretched over the rows as A1111 does (row i is word ``i * words // count``);
    an empty text gives zeros, as in A1111. Of more words than rows A1111 takes the first ones for SD 1.x (its tokenizer
    call cuts there) and spreads the rows over all of them for SD 2.x; so do we, and for SDXL, which it cannot create, the
    latter: both encoders' rows must be of the same words. ``noise``: normal with the mean and deviation of each dimension of the table.
    ``encoded``: the encoder's own output for the words (Pang et al. 2023, Cross Initialization).
    Raises InputError for a count outside 1..75 or a text without tokens.
    """
    if not 1 <= count <= MAX_VECTORS:
        raise InputError(f"{count} vectors: an embedding has 1 to {MAX_VECTORS} (a prompt's chunk).", field="vectors")
    first_only = list(encoders) == ["clip_l"]
    return {
        key: _rows(key, encoder, method=method, text=text, count=count, seed=seed, first_only=first_only)
        for key, encoder in encoders.items()
    }


def _rows(
    key: str, encoder: TextEncoder, *, method: InitMethod, text: str, count: int, seed: int, first_only: bool
) -> torch.Tensor:
    """One encoder's vectors, float32 [count, width]; of ``first_only`` words only as many as there are rows are taken."""
    if method == "zeros" or (method == "text" and not text.strip()):
        return torch.zeros(count, encoder.width)
    if method == "noise":
        table = encoder.table().float()
        noise = torch.randn(count, encoder.width, generator=generator(seed, f"init-{key}"))
        return table.mean(dim=0) + table.std(dim=0) * noise
    words = _word_vectors(encoder, method=method, text=text)
    if first_only and method == "text":
        words = words[:count]
    picks = [row * words.shape[0] // count for row in range(count)]
    return words[picks].clone()


def _word_vectors(encoder: TextEncoder, *, method: InitMethod, text: str) -> torch.Tensor:
    """The table's vectors of the words, or the encoder's output for them, float32 [tokens, width] on the CPU."""
    ids = encoder.tokenize(text)
    if not ids:
        raise InputError(f"The initialisation text {text!r} holds no word that the model knows.", field="init_text")
    if method == "encoded":
        return encoder.encode_words(text).detach().float().cpu()
    return encoder.table()[ids].detach().float().cpu()
