"""An embedding, independent of the file it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch

from ..base.errors import FileFormatError

ANY_ENCODER = "*"
"""Encoder key of files that name no encoder: the model's only one."""

Vectors = Mapping[str, torch.Tensor]
"""Encoder key ("clip_l", "clip_g", or "*") -> float32 tensor [vectors, width]."""

_NO_NOTES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """One embedding in memory: finite float32 vectors on the CPU, and what the file said about itself.

    ``name`` is the token as the file has it (``<cat-toy>`` stays ``<cat-toy>``), None where the file names none.
    ``step`` counts finished optimiser steps, None where the file does not say.
    ``checkpoint_hash`` is the first 10 hex digits of the SHA-256 of the checkpoint it was trained on.
    ``notes`` holds everything else worth keeping, as text (partner of a pair, guidance scale, init text, ...).
    ``remarks`` are sentences about what lies in the file and was not taken over.
    """

    vectors: Vectors
    name: str | None = None
    step: int | None = None
    checkpoint_hash: str | None = None
    checkpoint_name: str | None = None
    notes: Mapping[str, str] = field(default_factory=lambda: _NO_NOTES)
    file_format: str | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.vectors:
            raise FileFormatError("This embedding holds no vectors.")
        counts = {key: tuple(tensor.shape) for key, tensor in self.vectors.items()}
        for key, shape in counts.items():
            if len(shape) != 2 or 0 in shape:
                raise FileFormatError(
                    f"The vectors of encoder {key!r} have shape {shape}; [vectors, width] was expected."
                )
        if len({shape[0] for shape in counts.values()}) > 1:
            raise FileFormatError(f"The encoders have different numbers of vectors: {counts}.")

    @property
    def count(self) -> int:
        """The number of vectors (the same for every encoder)."""
        return next(iter(self.vectors.values())).shape[0]

    def for_encoders(self, widths: Mapping[str, int]) -> dict[str, torch.Tensor]:
        """The vectors [vectors, width] under a model's own encoder keys, in the model's order (a file may have another).

        ``widths`` maps the model's encoder keys to their widths. A ``*`` entry goes to a model with one encoder.
        Raises FileFormatError where widths or encoders differ, naming both sides.
        """
        found = dict(self.vectors)
        if set(found) == {ANY_ENCODER} and len(widths) == 1:
            found = {next(iter(widths)): found[ANY_ENCODER]}
        have = {key: tensor.shape[1] for key, tensor in found.items()}
        if have != dict(widths):
            raise FileFormatError(
                f"The embedding {self.name or ''!r} was made for another kind of model: it has widths {have}, "
                f"the loaded checkpoint wants {dict(widths)} (768: SD 1.x, 1024: SD 2.x, 768 + 1280: SDXL)."
            )
        return {key: found[key] for key in widths}
