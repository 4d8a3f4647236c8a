"""The JSON that pictures carry: A1111's dictionary, with ``{"TORCHTENSOR": nested list}`` in place of each tensor.

For SDXL, which A1111's own trainer has no form for, ours is ``{"clip_l": tensor, "clip_g": tensor}``, which A1111
reads; it allows nothing but tensors there, and ignores what else lies in a tensor's object: so name, step and the rest
ride along in the first one, under ``about``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch

from ..base.errors import FileFormatError
from ..embedding.embedding import Embedding
from .containers.checked_vectors import StoredTensor
from .containers.limits import MAX_JSON_BRACKETS, MAX_JSON_BYTES, MAX_VALUES
from .layouts import CLIP_G, CLIP_L, from_tensors, from_webui_dict
from .notes import about_from, about_of

_TENSOR = "TORCHTENSOR"
_ABOUT = "about"


@dataclass(frozen=True, kw_only=True)
class JsonTensor:
    """A tensor written out as numbers (a ``vectors.StoredTensor``)."""

    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    about: Mapping[str, object]
    dtype: str = "float64"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def load(self) -> torch.Tensor:
        """The values in their own [shape], float64."""
        return torch.from_numpy(self.values)


def to_json(embedding: Embedding) -> str:
    """The JSON for ``embedding``; numbers have the nine digits that bring every float32 back exactly."""
    tensors = {key: {_TENSOR: _numbers(vectors)} for key, vectors in embedding.vectors.items()}
    about = about_of(embedding)
    if len(tensors) == 1:
        (only,) = tensors.values()
        return json.dumps({"string_to_token": {"*": 265}, "string_to_param": {"*": only}} | about)
    return json.dumps({CLIP_L: tensors[CLIP_L] | {_ABOUT: about}, CLIP_G: tensors[CLIP_G]})


def from_json(text: bytes) -> Embedding:
    """Raises FileFormatError on JSON that is broken, too large, too deep, or no embedding."""
    _check_extent(text)
    try:
        root = json.loads(text, object_hook=_tensor_or_dict)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise FileFormatError(f"the embedding in the picture is broken ({str(error)[:80]})") from error
    if not isinstance(root, dict):
        raise FileFormatError("the picture carries JSON, but no embedding")
    root = cast("dict[object, object]", root)
    if "string_to_param" in root:
        return from_webui_dict(root)
    tensors: dict[str, StoredTensor] = {str(k): v for k, v in root.items() if isinstance(v, JsonTensor)}
    carried = [value.about for value in root.values() if isinstance(value, JsonTensor) and value.about]
    return from_tensors(tensors, about_from(carried[0] if carried else cast("dict[str, object]", root)))


def _numbers(vectors: torch.Tensor) -> list[list[float]]:
    """Vectors [vectors, width] as lists of numbers."""
    return [[float(f"{value:.9g}") for value in row] for row in vectors.tolist()]


def _check_extent(text: bytes) -> None:
    """Before parsing: a small picture can inflate to much JSON, and little JSON to many objects."""
    brackets = text.count(b"[") + text.count(b"{")
    if len(text) > MAX_JSON_BYTES or brackets > MAX_JSON_BRACKETS or text.count(b",") > MAX_VALUES + MAX_JSON_BRACKETS:
        raise FileFormatError(
            f"the picture carries {len(text)} bytes of JSON with {brackets} lists: more than any embedding needs"
        )


def _tensor_or_dict(found: dict[str, object]) -> object:
    if _TENSOR not in found:
        return found
    about = found.get(_ABOUT)
    about = cast("dict[str, object]", about) if isinstance(about, dict) else {}
    return JsonTensor(values=np.array(found[_TENSOR], dtype=np.float64), about=about)
