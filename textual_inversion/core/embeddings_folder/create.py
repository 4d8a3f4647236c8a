"""Making a new embedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import torch

from ..base.errors import InputError
from ..base.pasted_path import exists, pasted_path
from ..base.randomness import generator
from ..embedding.embedding import ANY_ENCODER, Embedding
from ..embedding.mentions import runs_on, same_in_prompts, words_of
from ..embedding.names import check_name, check_new_name
from ..embedding.pair import check_pair_name, negative_name, pair_name
from ..formats import read_embedding, write_embedding, write_pair
from ..model.host import CheckpointInfo, Host, Lease, LeaseRequest
from ..settings.creation import MAX_VECTORS, CarryOver, InitMethod
from .carry_over import carried_over
from .find import EMBEDDING_SUFFIXES, files_below
from .first_vectors import initial_vectors


def create(
    host: Host,
    *,
    name: str,
    init_text: str = "*",
    vectors: int = 1,
    init: str = "text",
    carry_over: CarryOver = "text",
    overwrite: bool = False,
    seed: int = 0,
    apt: bool = False,
    negative_vectors: int = 6,
    negative_init_text: str = "",
    negative_init_noise: float = 0.001,
    warn: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write ``EMBEDDINGS_DIR/NAME.pt`` (SDXL: ``.safetensors``) at step 0 and make it known to prompts.

    ``init``: text (the token vectors of ``init_text``, as A1111), zeros, noise, encoded (the encoder's output for the text), or
    the path of an embedding file of any format, whose vectors are taken over (``vectors`` then counts for nothing). A file of
    another family of models is brought over, ``carry_over`` as in ``carried_over``.
    ``apt`` makes a pair: ``NAME-neg`` too, with ``negative_vectors`` rows of ``negative_init_text`` (empty: of
    ``init_text``), each with normal noise of ``negative_init_noise`` (DreamArtist: 0.001) so that the halves can part.
    ``warn`` is told when the name is a word the model knows, and what was done with a file of another family. Returns the (positive) embedding's file.
    Raises InputError for a bad name or count, and where the embedding exists and ``overwrite`` is off.
    """
    names = [check_new_name(name)]
    if apt:
        names.append(check_name(negative_name(check_pair_name(name))))
    existing = {each: _existing(host.embeddings_dir, each, overwrite=overwrite) for each in names}
    with host.lease(LeaseRequest()) as lease:
        for each in names:
            for sentence in name_warnings(each, lease, known=_elsewhere(host, each) if not existing[each] else {}):
                warn(sentence)
        halves = [
            _from_file(lease, init, carry_over=carry_over, text=init_text, warn=warn)
            if init not in get_args(InitMethod)
            else initial_vectors(
                lease.encoders, method=cast(InitMethod, init), text=init_text, count=vectors, seed=seed
            )
        ]
        if apt:
            start = _Start(init=init, text=negative_init_text or init_text, count=negative_vectors, seed=seed)
            halves.append(_negative_vectors(lease, start, noise=negative_init_noise))
        checkpoint = lease.checkpoint
    notes = {"init_text": init_text} if init in ("text", "encoded") else {}
    embeddings = [
        _embedding(rows, name=each, checkpoint=checkpoint, notes=_pair_notes(names, each, notes))
        for each, rows in zip(names, halves, strict=True)
    ]
    paths = [
        host.embeddings_dir / f"{each}{'.pt' if len(rows) == 1 else '.safetensors'}"
        for each, rows in zip(names, halves, strict=True)
    ]
    if apt:
        write_pair((embeddings[0], paths[0]), (embeddings[1], paths[1]))
    else:
        write_embedding(embeddings[0], paths[0])
    _remove_others([other for each in names for other in existing[each]], but=paths)
    for path in paths:
        host.publish(path)
    return paths[0]


def _existing(embeddings_dir: Path, name: str, *, overwrite: bool) -> list[Path]:
    named = (embeddings_dir / f"{name}{suffix}" for suffix in EMBEDDING_SUFFIXES)
    found = [path for path in named if path.exists()]
    for path in sorted(embeddings_dir.iterdir()) if embeddings_dir.is_dir() else ():
        if path.suffix.lower() in EMBEDDING_SUFFIXES and path.stem != name and same_in_prompts(path.stem, name):
            raise InputError(
                f"{name!r} is taken by {path.name}: prompts do not tell the two names apart. Choose another name.",
                field="name",
            )
    if folder := next((path for path in found if path.is_dir()), None):
        raise InputError(f"{folder} is a folder. Choose another name, or move it.", field="name")
    if found and not overwrite:
        raise InputError(
            f"There is an embedding called {name!r} already ({found[0].name}). Choose another name, or overwrite it.",
            field="name",
        )
    return found


def _remove_others(existing: Sequence[Path], *, but: Sequence[Path]) -> None:
    for other in existing:
        if other not in but:
            other.unlink()


def _pair_notes(names: Sequence[str], name: str, notes: Mapping[str, str]) -> dict[str, str]:
    if len(names) == 1:
        return dict(notes)
    positive = name == names[0]
    return {
        **notes,
        "pair": "positive" if positive else "negative",
        "partner": names[1] if positive else names[0],
    }


def _embedding(
    rows: Mapping[str, torch.Tensor], *, name: str, checkpoint: CheckpointInfo, notes: Mapping[str, str]
) -> Embedding:
    """A new embedding of ``rows``, [vectors, width] by encoder."""
    return Embedding(
        vectors=dict(rows) if len(rows) > 1 else {ANY_ENCODER: next(iter(rows.values()))},
        name=name,
        step=0,
        checkpoint_hash=checkpoint.short_hash,
        checkpoint_name=checkpoint.name,
        notes=notes,
    )


def _elsewhere(host: Host, name: str) -> dict[str, str]:
    """The names that prompts know besides, and where each lies."""
    below = {
        path.stem: f"in {path.relative_to(host.embeddings_dir).as_posix()}" for path in files_below(host.embeddings_dir)
    }
    halves = {negative_name(name), pair_name(name)} - {name}
    return {other: below.get(other, "in another folder") for other in host.embedding_names() - halves}


def name_warnings(name: str, lease: Lease, *, known: Mapping[str, str]) -> list[str]:
    """Sentences where the name means something already: words of the model, or another embedding."""
    sentences: list[str] = []
    encoder = next(iter(lease.encoders.values()))
    words = words_of(name)
    if len(encoder.tokenize(name)) == 1:
        sentences.append(
            f"{name!r} is a word the model knows already. Prompts with that word will use the embedding instead; a name of "
            "your own, such as one with a digit at its end, avoids it. (Every digit is a word: cat1 is found in cat12 too.)"
        )
    elif all(word.isdigit() for word in words):
        sentences.append(
            f"{name!r} is a number. Prompts with it ('in {name}') will use the embedding instead; a name with letters of your own "
            "avoids it."
        )
    elif len(words) > 1 and all(word.isalpha() and len(encoder.tokenize(word)) == 1 for word in words):
        sentences.append(
            f"{name!r} is made of words the model knows. Prompts that hold them in a row will use the embedding instead."
        )
    for other in sorted(known):
        if same_in_prompts(name, other):
            sentences.append(f"Prompts know {other!r} already, {known[other]}; only one of the two will be used.")
        elif runs_on(name, other) or runs_on(other, name):
            short, long = sorted((name, other), key=len)
            sentences.append(
                f"{short!r} and {long!r} run into each other: every digit is a word, so where {long!r} is not there prompts find "
                f"{short!r} in it."
            )
    return sentences


def _from_file(
    lease: Lease, init: str, *, carry_over: CarryOver, text: str, warn: Callable[[str], None]
) -> Mapping[str, torch.Tensor]:
    """The vectors [vectors, width] of the file ``init`` by encoder, carried over where it was made for another kind
    of model."""
    path = pasted_path(init)
    if not init.strip() or not exists(path):
        raise InputError(
            f"{init!r} is neither a way to begin ({', '.join(get_args(InitMethod))}) nor a file that exists.",
            field="init",
        )
    source = read_embedding(path)
    words = source.notes.get("init_text", "") if text.strip() in ("", "*") else text
    carried = carried_over(source, lease.encoders, missing=carry_over, text=words or text)
    if carried is None:
        return source.for_encoders({key: encoder.width for key, encoder in lease.encoders.items()})
    warn(carried.sentence)
    return carried.vectors


@dataclass(frozen=True, kw_only=True)
class _Start:
    """The start of the negative half. A file's vectors are those of the positive half: it begins with words then."""

    init: str
    text: str
    count: int
    seed: int


def _negative_vectors(lease: Lease, start: _Start, *, noise: float) -> dict[str, torch.Tensor]:
    """The negative half's first vectors, [count, width] by encoder, with normal ``noise`` on them."""
    method = start.init if start.init in get_args(InitMethod) else "text"
    if not 1 <= start.count <= MAX_VECTORS:
        raise InputError(
            f"{start.count} negative vectors: an embedding has 1 to {MAX_VECTORS} (a prompt's chunk).",
            field="negative_vectors",
        )
    rows = initial_vectors(
        lease.encoders, method=cast(InitMethod, method), text=start.text, count=start.count, seed=start.seed + 1
    )
    return {
        key: each + noise * torch.randn(each.shape, generator=generator(start.seed, f"negative-init-{key}"))
        for key, each in rows.items()
    }
