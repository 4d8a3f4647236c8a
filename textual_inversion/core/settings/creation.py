"""Ways in which a new embedding may begin."""

from __future__ import annotations

from typing import Literal

from .prompts import CHUNK_TOKENS

InitMethod = Literal["text", "zeros", "noise", "encoded"]
CarryOver = Literal["text", "map", "zeros"]
"""Source of vectors for a text encoder that an embedding of another family has none for."""
MAX_VECTORS = CHUNK_TOKENS
"""A prompt's chunk."""
