"""Arithmetic that a request means, and the sentence that tells it."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.base.errors import InputError
from ..core.embedding.embedding import Embedding
from ..core.embeddings_folder.arithmetic import averaged, joined, scaled, shortened
from .requests import CombineRequest


def combined(request: CombineRequest, sources: Sequence[Embedding]) -> tuple[Embedding, str]:
    """The new embedding and how it was made, in a few words. Raises InputError where it cannot be."""
    names = [source.name or "" for source in sources]
    if request.operation in ("scale", "shorten") and len(sources) != 1:
        raise InputError(f"To {request.operation}, choose exactly one embedding.", field="files")
    if request.operation == "scale":
        return scaled(sources[0], request.factor), f"{names[0]} × {request.factor:g}"
    if request.operation == "shorten":
        words = "the first" if request.how == "first" else "means in"
        return shortened(sources[0], request.count, request.how), f"{words} {request.count} of {names[0]}"
    if request.operation == "join":
        return joined(sources), " + ".join(names)
    shares = f" ({', '.join(f'{weight:g}' for weight in request.weights)})" if request.weights else ""
    return averaged(sources, request.weights), f"the mean of {', '.join(names)}{shares}"
