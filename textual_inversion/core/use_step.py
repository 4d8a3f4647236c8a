"""Making the copy of an earlier step the finished embedding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .errors import FileFormatError, InputError
from .files import disk_errors
from .formats import read_embedding, write_embedding
from .host import Host
from .library import find_embedding
from .names import check_name
from .replaced import keep_copy, set_aside_others
from .rundir import RunDirectory, open_run_directory


@dataclass(frozen=True, kw_only=True)
class UsedStep:
    """``path`` is the finished embedding now; ``kept`` is where the one it replaced was copied to."""

    step: int
    path: Path
    kept: Path | None
    warnings: tuple[str, ...]


def usable_steps(run: RunDirectory) -> dict[int, Path]:
    """The steps whose vectors were kept, rising: in a copy, or else in the picture that carries them."""
    return dict(sorted({**run.carriers(), **run.copies()}.items()))


def use_step(folder: Path, step: int, host: Host) -> UsedStep:
    """Make step ``step`` of the run in ``folder`` the finished embedding, at once and for prompts too.

    The run may not be going on: its end would replace the embedding again.
    Raises InputError where that step was not kept, FileFormatError where it cannot be read, ResourceError as writing does.
    """
    run, _ = open_run_directory(folder)
    check_name(run.name)
    kept = usable_steps(run)
    if step not in kept:
        steps = ", ".join(map(str, kept)) or "none"
        raise InputError(f"No copy of step {step} was kept in {run.root}. Kept steps: {steps}.", field="step")
    embedding = read_embedding(kept[step])
    if embedding.step is not None and embedding.step != step:
        raise FileFormatError(f"{kept[step]} holds step {embedding.step}, not step {step}.", field="step")
    origin = _origin(host, run.name)
    suffix = ".safetensors" if len(embedding.vectors) > 1 or (origin and origin.suffix == ".safetensors") else ".pt"
    path = host.embeddings_dir / f"{run.name}{suffix}"
    replaced = run.root / "replaced"
    with disk_errors(replaced):
        previous = keep_copy(path, into=replaced)
    write_embedding(replace(embedding, name=run.name, step=step), path)
    warnings = set_aside_others(path, origin=origin, into=replaced)
    return UsedStep(step=step, path=path, kept=previous, warnings=(*warnings, *_published(host, path)))


def _origin(host: Host, name: str) -> Path | None:
    try:
        return find_embedding(host.embeddings_dir, name)
    except InputError:
        return None


def _published(host: Host, path: Path) -> tuple[str, ...]:
    try:
        host.publish(path)
    except Exception as error:  # the file is safe, whatever the host makes of it
        return (
            f"The embedding was saved, but {host.name} could not take it up by itself ({error}). Refresh its list.",
        )
    return ()
