"""``name@step`` in prompts for this pipeline: the vectors behind each reference, and the tokens of its words where there are none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....core.embedding.embedding import Vectors
from ....core.record.kept_steps import StepCopies
from ...file_hash import sha256
from ...step_references import read_steps
from ..model.pipeline import text_encoders
from .encoders import HostEncoder

_MARK_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class References:
    """``prompts`` with words of ours in them, ``vectors`` by these words, and by what was written where no step was found.

    ``marks`` tell contents apart, ``written`` is what a person wrote for a word.
    """

    prompts: Sequence[str]
    vectors: Mapping[str, Vectors]
    marks: Mapping[str, str]
    written: Mapping[str, str]
    warnings: Sequence[str]


def read_references(
    pipe: Any, prompts: Sequence[str], copies: StepCopies | None, *, names: Collection[str]
) -> References:
    """Read those of embeddings called ``names`` and of trained ones.

    Tokenizers find the name of an embedding inside any word, so a reference without a step would be read as the embedding and a
    number. It becomes the tokens of its words, as if they were vectors.
    """
    widths = {key: model.config.hidden_size for key, (_, model) in text_encoders(pipe).items()}
    read = read_steps(prompts, copies, names=names, widths=widths)
    words = {text: _as_words(pipe, text) for text in dict.fromkeys(read.missing)}
    return References(
        prompts=read.prompts,
        vectors={**read.vectors, **words},
        marks={word: digest[:_MARK_DIGITS] for word, digest in _digests(read.sources).items()},
        written={word: written for word, (written, _) in read.sources.items()},
        warnings=read.warnings,
    )


def _digests(sources: Mapping[str, tuple[str, Any]]) -> dict[str, str]:
    return {word: sha256(path) for word, (_, path) in sources.items()}


def _as_words(pipe: Any, text: str) -> Vectors:
    encoders = {key: HostEncoder(*each) for key, each in text_encoders(pipe).items()}
    return {key: encoder.table()[encoder.tokenize(text)] for key, encoder in encoders.items()}
