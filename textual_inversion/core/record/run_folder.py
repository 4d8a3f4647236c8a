"""The folder of one run, laid out as A1111 does: LOG_DIR/YYYY-MM-DD/NAME/."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..base.errors import InputError, ResourceError
from ..base.files import disk_errors, make_folder
from ..embedding.pair import NEGATIVE_ENDING


@dataclass(frozen=True)
class RunDirectory:
    """Paths in a run's folder. STEP in a name is the true number of optimiser steps done."""

    root: Path
    name: str

    @property
    def plan(self) -> Path:
        return self.root / "run.json"

    @property
    def state(self) -> Path:
        """The rolling resume state."""
        return self.root / "resume.safetensors"

    @property
    def loss_table(self) -> Path:
        return self.root / "textual_inversion_loss.csv"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    def check(self) -> None:
        """Raise ResourceError where the folder is gone."""
        if not self.root.is_dir():
            raise gone(self.root)

    def copy(self, step: int, suffix: str) -> Path:
        return self.root / "embeddings" / f"{self.name}-{step}{suffix}"

    def negative_copy(self, step: int, suffix: str) -> Path:
        """The negative half of a pair's copy; DreamArtist's name."""
        return self.root / "embeddings" / f"{self.name}-{step}{NEGATIVE_ENDING}{suffix}"

    def image(self, step: int, index: int = 0) -> Path:
        """Preview ``index`` of a step; the first has A1111's name."""
        return self.root / "images" / f"{self.name}-{step}{f'-{index + 1}' if index else ''}.png"

    def carrier(self, step: int) -> Path:
        """The picture that carries the vectors of a step."""
        return self.root / "image_embeddings" / f"{self.name}-{step}.png"

    def copies(self) -> dict[int, Path]:
        """The saved copies by step, rising."""
        return self._steps_in("embeddings", (".pt", ".safetensors"))

    def negative_copies(self) -> dict[int, Path]:
        """The saved copies of a pair's negative half by step, rising."""
        return self._steps_in("embeddings", (".pt", ".safetensors"), ending=NEGATIVE_ENDING)

    def carriers(self) -> dict[int, Path]:
        """The pictures that carry the vectors by step, rising."""
        return self._steps_in("image_embeddings", (".png",))

    def kept(self) -> dict[int, Path]:
        """The steps whose vectors were kept, rising: in a copy, or else in the picture that carries them."""
        return dict(sorted({**self.carriers(), **self.copies()}.items()))

    def kept_step(self, step: int, *, field: str) -> Path:
        """The file that holds the vectors of ``step``. Raises InputError beside ``field``, naming those that were kept."""
        kept = self.kept()
        if step not in kept:
            steps = ", ".join(map(str, kept)) or "none"
            raise InputError(f"No copy of step {step} was kept in {self.root}. Kept steps: {steps}.", field=field)
        return kept[step]

    def _steps_in(self, place: str, suffixes: tuple[str, ...], *, ending: str = "") -> dict[int, Path]:
        found: dict[int, Path] = {}
        for path in (self.root / place).glob("*"):
            if path.suffix in suffixes and path.stem.startswith(f"{self.name}-") and path.stem.endswith(ending):
                step = path.stem[len(self.name) + 1 :].removesuffix(ending)
                if step.isascii() and step.isdigit():
                    found[int(step)] = path
        return dict(sorted(found.items()))

    def set_undone_aside(self, after_step: int) -> tuple[Path, ...]:
        """Move copies and pictures of the steps after ``after_step`` to ``undone/``, and tell where they are now.

        Their steps were taken back: under their names the files of the steps that will really be done are looked for.
        """
        places = [self.root / name for name in ("embeddings", "images", "image_embeddings")]
        late = [path for place in places for path in place.glob("*") if (self._step_of(path) or 0) > after_step]
        return tuple(_moved(path, self.root / "undone" / path.parent.name) for path in sorted(late))

    def _step_of(self, path: Path) -> int | None:
        """The step in NAME-STEP.EXT, NAME-STEP-neg.EXT or NAME-STEP-INDEX.png."""
        match = re.fullmatch(rf"{re.escape(self.name)}-([0-9]{{1,9}})(-[0-9]+|{NEGATIVE_ENDING})?", path.stem)
        return int(match[1]) if match else None


def gone(root: Path) -> ResourceError:
    """The error of a run whose folder is not there any more."""
    return ResourceError(
        f"The run's folder {root} is not there any more: it was moved or deleted while the run went on. What was learned is "
        "saved there again; resume goes on from it."
    )


def _moved(path: Path, folder: Path) -> Path:
    """Find the file after a move; where it was, if another program holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return path.replace(folder / path.name)
    except OSError:
        return path


def new_run_directory(log_dir: Path, name: str, *, today: datetime.date | None = None) -> RunDirectory:
    """Make a folder for a new run; a second run of the same name and day gets NAME-2, and so on."""
    day = log_dir / (today or datetime.date.today()).isoformat()
    number = 1
    while True:
        root = day / (name if number == 1 else f"{name}-{number}")
        with disk_errors(root):
            make_folder(day)
            try:
                root.mkdir()
            except FileExistsError:
                number += 1
                continue
        return RunDirectory(root, name)


def open_run_directory(root: Path) -> tuple[RunDirectory, dict[str, Any]]:
    """An existing run's folder and the content of its run.json. Raises InputError where it is no run."""
    try:
        content = json.loads((root / "run.json").read_text(encoding="utf-8"))
        name = content["config"]["name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{root} is not the folder of a run: its run.json cannot be read ({error}).") from error
    return RunDirectory(root, str(name)), cast("dict[str, Any]", content)


def run_folders(log_dir: Path) -> Iterator[Path]:
    """The places below a log directory that look like folders of runs, unread and in no order."""
    return (plan.parent for plan in log_dir.glob("*/*/run.json"))


def runs_of(log_dir: Path, name: str | None = None) -> Iterator[Path]:
    """The folders of runs below a log directory, newest first; of one embedding where ``name`` is given."""
    found: list[tuple[float, Path]] = []
    for folder in run_folders(log_dir):
        try:
            run, _ = open_run_directory(folder)
            written = max(path.stat().st_mtime for path in (run.plan, run.state) if path.exists())
        except (InputError, OSError):
            continue
        if name is None or run.name == name:
            found.append((written, folder))
    yield from (path for _, path in sorted(found, reverse=True))


def newest_run(log_dir: Path, name: str) -> Path:
    """The folder of the newest run of ``name``. Raises InputError naming what was looked for."""
    for root in runs_of(log_dir, name):
        return root
    raise InputError(
        f"No run of {name!r} was found in {log_dir}. Looked for DATE/{name}/run.json there; give the log directory of "
        "the run, or start one with train.",
        field="name",
    )
