"""Ways in which a new embedding may begin."""

from __future__ import annotations

from typing import Literal

InitMethod = Literal["text", "zeros", "noise", "encoded"]
CarryOver = Literal["text", "map", "zeros"]
"""Source of vectors for a text encoder that an embedding of another family has none for."""
MAX_VECTORS = 75
"""A prompt's chunk."""
