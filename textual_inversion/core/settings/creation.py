"""Ways in which a new embedding may begin."""

from __future__ import annotations

from typing import Literal

InitMethod = Literal["text", "zeros", "noise", "encoded"]
MAX_VECTORS = 75
"""A prompt's chunk."""
