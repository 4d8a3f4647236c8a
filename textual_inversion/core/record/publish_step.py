"""Making the copy of an earlier step the finished embedding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..base.errors import FileFormatError
from ..base.files import disk_errors
from ..embedding.embedding import Embedding
from ..embedding.names import check_name
from ..embedding.pair import negative_name, negative_path
from ..embeddings_folder.find import embedding_file
from ..embeddings_folder.set_aside import keep_copy, set_aside_others
from ..formats import read_embedding, write_embedding, write_pair
from ..model.host import Host
from .card import write_card
from .pair_copies import kept_negative
from .run_folder import RunDirectory, open_run_directory


@dataclass(frozen=True, kw_only=True)
class UsedStep:
    """``path`` is the finished embedding now; ``kept`` is where the one it replaced was copied to."""

    step: int
    path: Path
    kept: Path | None
    warnings: tuple[str, ...]


def use_step(folder: Path, step: int, host: Host) -> UsedStep:
    """Make step ``step`` of the run in ``folder`` the finished embedding, at once, on its card, and for prompts too; of a
    pair both halves, or none.

    The run may not be going on: its end would replace the embedding again.
    Raises InputError where that step was not kept, FileFormatError where it cannot be read, ResourceError as writing does.
    """
    run, _ = open_run_directory(folder)
    check_name(run.name)
    embedding = _named(run.kept_step(step, field="step"), step, run.name)
    origin = embedding_file(host.embeddings_dir, run.name)
    suffix = ".safetensors" if len(embedding.vectors) > 1 or (origin and origin.suffix == ".safetensors") else ".pt"
    written = {host.embeddings_dir / f"{run.name}{suffix}": embedding}
    path = next(iter(written))
    if embedding.notes.get("pair") == "positive":
        negative = kept_negative(run, step, field="step")
        written[negative_path(path)] = replace(negative, name=negative_name(run.name), step=step)
    origins = {each: embedding_file(host.embeddings_dir, each.stem) for each in written}
    with disk_errors(run.root / "replaced"):
        previous = [keep_copy(each, into=run.root / "replaced") for each in written]
    _write(written)
    warnings: list[str] = []
    for each, half in written.items():
        warnings += set_aside_others(each, origin=origins[each], into=run.root / "replaced")
        warnings += _taken_up(run, each, half, host)
    return UsedStep(step=step, path=path, kept=previous[0], warnings=tuple(warnings))


def _named(path: Path, step: int, name: str) -> Embedding:
    """The embedding in a copy, by the name that prompts know."""
    embedding = read_embedding(path)
    if embedding.step is not None and embedding.step != step:
        raise FileFormatError(f"{path} holds step {embedding.step}, not step {step}.", field="step")
    return replace(embedding, name=name, step=step)


def _write(written: dict[Path, Embedding]) -> None:
    halves = [(embedding, path) for path, embedding in written.items()]
    if len(halves) == 1:
        write_embedding(*halves[0])
    else:
        write_pair(*halves)


def _taken_up(run: RunDirectory, path: Path, embedding: Embedding, host: Host) -> list[str]:
    """Its card shows it, and the host knows it."""
    warnings = list(write_card(run, path, embedding).warnings)
    try:
        host.publish(path)
    except Exception as error:  # the file is safe, whatever the host makes of it
        warnings.append(
            f"The embedding was saved, but {host.name} could not take it up by itself ({error}). Refresh its list."
        )
    return warnings
