"""Both halves of a pair in the files of a run: what each notes about the other, and a kept step's negative half."""

from __future__ import annotations

from collections.abc import Mapping

from ..base.errors import InputError
from ..embedding.embedding import Embedding
from ..embedding.pair import negative_name
from ..formats import read_embedding, read_partner
from ..settings.train_config import TrainConfig
from .run_folder import RunDirectory


def pair_notes(config: TrainConfig, notes: Mapping[str, str], *, negative: bool) -> dict[str, str]:
    """Notes of each file of a pair about the other."""
    partner = config.name if negative else negative_name(config.name)
    half = "negative" if negative else "positive"
    return {**notes, "pair": half, "partner": partner, "guidance_scale": config.guidance.strip()}


def kept_negative(run: RunDirectory, step: int, *, field: str) -> Embedding:
    """The negative half of a kept step: beside the copy, or in the picture that carries both."""
    path, picture = run.negative_copies().get(step), run.carriers().get(step)
    if path is not None:
        return read_embedding(path)
    found = read_partner(picture) if picture is not None else None
    if found is None:
        raise InputError(f"The negative half of step {step} was not kept in {run.root}.", field=field)
    return found
