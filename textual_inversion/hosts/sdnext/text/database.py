"""The web UI's embeddings, read again from its folder."""

from __future__ import annotations

from typing import Any

from modules import prompt_parser_diffusers

from .encoders import without_names

_TOKENIZERS = ("tokenizer", "tokenizer_2")


def read_again(pipe: Any | None) -> None:
    """Load the folder into the pipeline, and forget prompts that were encoded before; only the latter without a pipeline.

    Tokens of embeddings that are gone, or have fewer vectors now, would go on standing for old rows: then all names are
    taken out of the tokenizers first, as they are when a checkpoint is loaded.
    """
    prompt_parser_diffusers.cache.clear()
    database = getattr(pipe, "embedding_db", None)
    if database is None:
        return
    database.load_textual_inversion_embeddings(force_reload=True)
    if _stale(pipe, database):
        for name in _TOKENIZERS:
            if getattr(pipe, name, None) is not None:
                setattr(pipe, name, without_names(getattr(pipe, name)))
        database.load_textual_inversion_embeddings(force_reload=True)


def _stale(pipe: Any, database: Any) -> bool:
    """Tell whether a tokenizer has tokens that belong to no embedding of the database."""
    tokens = {token for embedding in database.word_embeddings.values() for token in embedding.tokens}
    tokenizers = (getattr(pipe, name, None) for name in _TOKENIZERS)
    return any(
        token not in tokens and number >= tokenizer.vocab_size
        for tokenizer in tokenizers
        if tokenizer is not None
        for token, number in tokenizer.added_tokens_encoder.items()
    )
