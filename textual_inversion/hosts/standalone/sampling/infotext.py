"""Generation parameters as A1111 writes them under a picture (PNG text chunk ``parameters``)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .... import __version__
from ....core.model.host import CheckpointInfo, PictureRequest
from .samplers import Sampler


def infotext(
    request: PictureRequest,
    *,
    sampler: Sampler,
    checkpoint: CheckpointInfo,
    clip_skip: int = 1,
    embedding_hashes: Mapping[str, str] | None = None,
) -> str:
    """Prompt, negative prompt, then one line of parameters in A1111's order (``processing.create_infotext``).

    ``embedding_hashes``: for each embedding file that was used, the first 12 hex digits of its SHA-256.
    """
    hashes = [f"{name.replace(':', '').replace(',', '')}: {value}" for name, value in (embedding_hashes or {}).items()]
    parameters = {
        "Steps": request.steps,
        "Sampler": sampler.name,
        "Schedule type": sampler.label,
        "CFG scale": request.guidance_scale,
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}",
        "Model hash": checkpoint.short_hash,
        "Model": checkpoint.name.replace(",", "").replace(":", ""),
        "Clip skip": clip_skip if clip_skip > 1 else None,
        "TI hashes": ", ".join(hashes) or None,
        "Version": f"textual-inversion {__version__}",
    }
    line = ", ".join(f"{key}: {_quoted(value)}" for key, value in parameters.items() if value is not None)
    negative = f"\nNegative prompt: {request.negative_prompt}" if request.negative_prompt else ""
    return f"{request.prompt}{negative}\n{line}".strip()


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",\n:") else text
