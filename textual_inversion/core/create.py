"""Making a new embedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast, get_args

import torch

from .embedding import ANY_ENCODER, Embedding
from .errors import InputError
from .formats import read_embedding, write_embedding
from .host import Host, Lease, LeaseRequest
from .names import check_name
from .settings.creation import InitMethod
from .vectors import initial_vectors


def create(
    host: Host,
    *,
    name: str,
    init_text: str = "*",
    vectors: int = 1,
    init: str = "text",
    overwrite: bool = False,
    seed: int = 0,
    warn: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write ``EMBEDDINGS_DIR/NAME.pt`` (SDXL: ``.safetensors``) at step 0 and make it known to prompts.

    ``init``: text (the token vectors of ``init_text``, as A1111), zeros, noise, encoded (the encoder's output for the text), or
    the path of an embedding file of any format, whose vectors are taken over (``vectors`` then counts for nothing).
    ``warn`` is told when the name is a word the model knows. Raises InputError for a bad name or count, and where the
    embedding exists and ``overwrite`` is off.
    """
    check_name(name)
    existing = [
        path for suffix in (".pt", ".safetensors", ".bin") if (path := host.embeddings_dir / f"{name}{suffix}").exists()
    ]
    if existing and not overwrite:
        raise InputError(
            f"There is an embedding called {name!r} already ({existing[0].name}). Choose another name, or overwrite it.",
            field="name",
        )
    with host.lease(LeaseRequest()) as lease:
        for sentence in name_warnings(name, lease, known=host.embedding_names() if not existing else set()):
            warn(sentence)
        rows = _first_vectors(lease, init=init, text=init_text, count=vectors, seed=seed)
        checkpoint = lease.checkpoint
    plain = dict(rows) if len(rows) > 1 else {ANY_ENCODER: next(iter(rows.values()))}
    embedding = Embedding(
        vectors=plain,
        name=name,
        step=0,
        checkpoint_hash=checkpoint.short_hash,
        checkpoint_name=checkpoint.name,
        notes={"init_text": init_text} if init in ("text", "encoded") else {},
    )
    path = host.embeddings_dir / f"{name}{'.pt' if len(rows) == 1 else '.safetensors'}"
    write_embedding(embedding, path)
    for other in existing:
        if other != path:
            other.unlink()
    host.publish(path)
    return path


def name_warnings(name: str, lease: Lease, *, known: set[str]) -> list[str]:
    """Sentences where the name means something already: a word of the model, or another embedding."""
    sentences: list[str] = []
    encoder = next(iter(lease.encoders.values()))
    if len(encoder.tokenize(name)) == 1:
        sentences.append(
            f"{name!r} is a word the model knows already. Prompts with that word will use the embedding instead; a name of "
            "your own, such as one with a digit, avoids it."
        )
    others = sorted(other for other in known if other.lower() == name.lower())
    if others:
        sentences.append(f"Prompts know {others[0]!r} already, in a folder below; only one of the two will be used.")
    return sentences


def _first_vectors(lease: Lease, *, init: str, text: str, count: int, seed: int) -> Mapping[str, torch.Tensor]:
    if init in get_args(InitMethod):
        return initial_vectors(lease.encoders, method=cast(InitMethod, init), text=text, count=count, seed=seed)
    path = Path(init)
    if not init.strip() or not path.exists():
        raise InputError(
            f"{init!r} is neither a way to begin ({', '.join(get_args(InitMethod))}) nor a file that exists.",
            field="init",
        )
    return read_embedding(path).for_encoders({key: encoder.width for key, encoder in lease.encoders.items()})
