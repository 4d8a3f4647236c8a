"""The beginning of a run: an embedding, the state of an earlier run, or one of its copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import FileFormatError, InputError
from ..embedding.embedding import Embedding
from ..embedding.names import check_name
from ..embedding.pair import positive_half
from ..embeddings_folder.find import embedding_file, find_embedding
from ..formats import read_embedding
from ..model.host import Host
from ..record.run_folder import RunDirectory, open_run_directory
from ..record.state_file import load_state
from ..settings.train_config import TrainConfig
from ..update.state import RunState


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The thing that a run goes on from. ``source`` are its first vectors and their notes.

    ``origin`` is the file in the embeddings folder that has the name now, if there is one. ``run``, ``recorded`` (of its
    run.json) and ``state`` are those of the run that is gone on with; of a copy there is no state.
    """

    source: Embedding
    origin: Path | None
    run: RunDirectory | None = None
    recorded: Mapping[str, Any]
    state: RunState | None = None

    @property
    def start_step(self) -> int:
        """The steps that were done before."""
        return self.state.step if self.state is not None else (self.source.step or 0)

    @property
    def first_step(self) -> int:
        """The steps that had been done when the run began, pauses or not."""
        return self.state.first_step if self.state is not None else self.start_step


def find_beginning(config: TrainConfig, host: Host, *, resume: Path | None, from_step: int | None) -> Beginning:
    """Read it. Raises InputError and FileFormatError telling what is missing."""
    if resume is None:
        path = find_embedding(host.embeddings_dir, config.name)
        return Beginning(source=read_embedding(path), origin=path, recorded={})
    check_name(config.name)  # it becomes file names, and a run.json may come from anywhere
    origin = embedding_file(host.embeddings_dir, config.name)  # a run can be resumed without it
    run, content = open_run_directory(resume)
    if run.name != config.name:
        raise InputError(f"{resume} is a run of {run.name!r}, not of {config.name!r}.", field="name")
    recorded = _recorded(content)
    state = _state_of(run, needed=from_step is None)
    if from_step is not None and (state is None or state.step != from_step):
        source = read_embedding(run.kept_step(from_step, field="from_step"))
        return Beginning(source=source, origin=origin, run=run, recorded=recorded)
    if state is None:
        raise InputError(f"{run.root} holds no resume state. Continue from one of its copies: {list(run.kept())}.")
    source = Embedding(
        vectors=positive_half(state.vectors), name=config.name, step=state.step, notes=recorded.get("notes", {})
    )
    return Beginning(source=source, origin=origin, run=run, recorded=recorded, state=state)


def _recorded(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read what run.json says about the run; what has not the form that we give it is left out."""
    found: Mapping[str, Any] = content["resolved"] if isinstance(content.get("resolved"), dict) else {}
    notes: Mapping[str, Any] = found["notes"] if isinstance(found.get("notes"), dict) else {}
    digest = found.get("checkpoint_sha256")
    return {
        **found,
        "notes": {key: text for key, text in notes.items() if isinstance(text, str)},
        "checkpoint_sha256": digest if isinstance(digest, str) else None,
    }


def _state_of(run: RunDirectory, *, needed: bool) -> RunState | None:
    """A state that cannot be read is told, except where one of the copies is to be used in its place."""
    try:
        return load_state(run.state) if run.state.exists() else None
    except FileFormatError:
        if needed:
            raise
        return None
