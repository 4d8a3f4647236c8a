"""Description of an embedding for ``inspect``."""

from __future__ import annotations

import torch

from ..embedding.embedding import Embedding


def describe(embedding: Embedding) -> dict[str, object]:
    """The object that ``inspect --json`` prints: plain JSON values, sums taken in float64.

    ``vectors``: for each encoder the shape, the sum of all values, the first and last four, and each vector's norm.
    """
    return {
        "name": embedding.name,
        "step": embedding.step,
        "checkpoint": embedding.checkpoint_hash,
        "checkpoint_name": embedding.checkpoint_name,
        "format": embedding.file_format,
        "notes": dict(embedding.notes),
        "remarks": list(embedding.remarks),
        "vectors": {key: _figures(vectors) for key, vectors in embedding.vectors.items()},
    }


def _figures(vectors: torch.Tensor) -> dict[str, object]:
    """Figures by which vectors [vectors, width] can be compared."""
    values = vectors.detach().cpu().to(torch.float64)
    flat = values.flatten()
    return {
        "shape": list(values.shape),
        "sum": float(flat.sum()),
        "first": flat[:4].tolist(),
        "last": flat[-4:].tolist(),
        "norms": values.norm(dim=1).tolist(),
    }
