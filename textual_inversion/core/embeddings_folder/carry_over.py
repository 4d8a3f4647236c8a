"""An embedding of another family of models, brought over as far as the text encoders are the same.

SD 1.x has the encoder that SDXL calls ``clip_l``, so its vectors mean the same there; SDXL's second encoder ``clip_g`` is
another one, and so is SD 2.x's ``clip_h``. What cannot be taken over begins as words, zeros, or what a linear map between the
token tables makes of the vectors: both encoders have the same vocabulary, so each word is a pair to learn the map from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ..base.errors import FileFormatError, InputError
from ..base.randomness import generator
from ..embedding.embedding import ANY_ENCODER, Embedding
from ..model.host import TextEncoder
from ..settings.creation import CarryOver
from .first_vectors import initial_vectors

FAMILIES = {"clip_l": "SD 1.x", "clip_h": "SD 2.x", "clip_g": "SDXL"}
_BY_WIDTH = {768: "clip_l", 1024: "clip_h", 1280: "clip_g"}
_HELD_OUT = 0.1
_RIDGE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Vectors for every encoder of the loaded model, float32 [vectors, width], and a sentence on what was done."""

    vectors: dict[str, torch.Tensor]
    sentence: str


def carried_over(
    embedding: Embedding, encoders: Mapping[str, TextEncoder], *, missing: CarryOver, text: str
) -> Carried | None:
    """Bring ``embedding`` to a model with ``encoders``; None where it is of that family already.

    ``missing``: where vectors of an encoder come from that the file has none for: ``text`` (the words of ``text``), ``map``
    (from those it has) or ``zeros``. Raises InputError for a map without a table to learn it from, FileFormatError where the
    file has nothing that the model could use and ``missing`` is ``map``.
    """
    found = _by_encoder(embedding, encoders)
    if set(found) == set(encoders):
        return None
    kept = {key: rows for key, rows in found.items() if key in encoders}
    dropped = [key for key in found if key not in encoders]
    done = [f"kept the vectors of {', '.join(kept)}"] if kept else []
    made: dict[str, torch.Tensor] = {}
    for key in encoders:
        if key in kept:
            continue
        rows, words = _made(key, kept, encoders, missing=missing, text=text, count=embedding.count)
        made[key] = rows
        done.append(words)
    if dropped:
        done.append(f"left out those of {', '.join(dropped)}, which this model has no encoder for")
    sentence = f"The embedding was made for another kind of model: {'; '.join(done)}. Train it further on this one."
    return Carried(vectors={key: kept.get(key, made.get(key, torch.empty(0))) for key in encoders}, sentence=sentence)


def _by_encoder(embedding: Embedding, encoders: Mapping[str, TextEncoder]) -> dict[str, torch.Tensor]:
    """The vectors [vectors, width] by encoder; of a file that names none, by the loaded model's widths, else by the
    usual ones."""
    if set(embedding.vectors) != {ANY_ENCODER}:
        return dict(embedding.vectors)
    rows = embedding.vectors[ANY_ENCODER]
    width = rows.shape[1]
    own = [key for key, encoder in encoders.items() if encoder.width == width]
    key = own[0] if own else _BY_WIDTH.get(width)
    if key is None:
        raise FileFormatError(
            f"The embedding was made for another kind of model: its vectors have width {width}, and no known text encoder has (768: SD 1.x, "
            "1024: SD 2.x, 1280: SDXL)."
        )
    return {key: rows}


def _made(
    key: str,
    kept: Mapping[str, torch.Tensor],
    encoders: Mapping[str, TextEncoder],
    *,
    missing: CarryOver,
    text: str,
    count: int,
) -> tuple[torch.Tensor, str]:
    """The vectors [count, width] of an encoder that the file has none for, and words about where they come from."""
    encoder = encoders[key]
    if missing == "zeros":
        return torch.zeros(count, encoder.width), f"those of {key} are zero"
    if missing == "text":
        words = initial_vectors({key: encoder}, method="text", text=text, count=count)[key]
        return words, f"those of {key} begin as the words {text!r}" if text.strip() else f"those of {key} are zero"
    if not kept:
        raise InputError(
            f"The file has no vectors of an encoder that this model has, so there is nothing to make those of {key} from. Choose "
            "'text' or 'zeros'.",
            field="carry_over",
        )
    source = next(iter(kept))
    fitted = fit_map(encoders[source].table(), encoder.table())
    share = f"{round(100 * fitted.explained)} % of what tells unseen words apart"
    return fitted(
        kept[source]
    ), f"those of {key} were made from {source} by a map between the word tables (it gives {share})"


@dataclass(frozen=True, kw_only=True)
class TableMap:
    """A linear map between two token tables. ``explained`` is the share of the variance of held-out words that it gives, up to 1."""

    weight: torch.Tensor
    from_mean: torch.Tensor
    to_mean: torch.Tensor
    lengths: tuple[float, float]
    explained: float

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Map [vectors, width] to [vectors, other width], as long in units of the mean word as they were.

        Trained vectors are often many times as long as a word, where a map that was fitted to words says nothing.
        """
        mapped = (rows.float() - self.from_mean) @ self.weight + self.to_mean
        wanted = rows.float().norm(dim=1, keepdim=True) * (self.lengths[1] / self.lengths[0])
        return torch.nn.functional.normalize(mapped, dim=1) * wanted


def fit_map(table: torch.Tensor, other: torch.Tensor) -> TableMap:
    """Fit [vocabulary, width] to [vocabulary, other width], row by row the same words: ridge regression on nine tenths of them."""
    if len(table) != len(other):
        raise InputError(
            f"The two text encoders know {len(table)} and {len(other)} words, so no map between them can be learned. Choose 'text'.",
            field="carry_over",
        )
    table, other = table.float(), other.float()
    order = torch.randperm(len(table), generator=generator(0, "carry-over"))
    split = max(1, int(len(order) * _HELD_OUT))
    held_out, used = order[:split], order[split:]
    from_mean, to_mean = table[used].mean(dim=0), other[used].mean(dim=0)
    inputs, outputs = table[used] - from_mean, other[used] - to_mean
    products = inputs.T @ inputs
    ridge = _RIDGE * products.diagonal().mean() * torch.eye(len(products))
    weight = torch.linalg.solve(products + ridge, inputs.T @ outputs)
    error = (other[held_out] - to_mean) - (table[held_out] - from_mean) @ weight
    spread = (other[held_out] - to_mean).square().sum()
    return TableMap(
        weight=weight,
        from_mean=from_mean,
        to_mean=to_mean,
        lengths=(float(table.norm(dim=1).mean()), float(other.norm(dim=1).mean())),
        explained=max(0.0, 1 - float(error.square().sum() / spread)),
    )
