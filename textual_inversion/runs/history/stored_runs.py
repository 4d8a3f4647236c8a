"""All runs in the log directories: those of earlier processes, and what those of this one have left there so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ...core.base.errors import UserError
from ...core.record.run_folder import RunDirectory, open_run_directory, run_folders
from ...core.record.state_file import load_state
from ...core.settings.train_config import TrainConfig
from .run_id import FILE as ID_FILE
from .run_id import id_of
from .stored_run import History, StoredRun

_HISTORIES_KEPT = 8

Stamp = tuple[int, ...]


class StoredRuns:
    """Looks through log directories. A run that did not change is not read again, and one whose id is known is found without
    looking for the others. Any thread may call any method."""

    def __init__(self, log_dirs: Callable[[], Iterable[Path]]) -> None:
        self._log_dirs = log_dirs
        self._seen: dict[Path, tuple[Stamp, StoredRun | None]] = {}
        self._places: dict[str, Path] = {}
        self._histories: dict[str, tuple[Stamp, History]] = {}

    def all(self) -> list[StoredRun]:
        """Newest first. A folder whose run.json is of another program, or broken, is left out."""
        folders = {folder.resolve() for log_dir in self._log_dirs() for folder in run_folders(log_dir)}
        found = [run for folder in folders if (run := self.at(folder)) is not None]
        for gone in self._seen.keys() - folders:
            self._seen.pop(gone, None)
        return sorted(found, key=lambda run: run.written, reverse=True)

    def of(self, name: str) -> list[StoredRun]:
        """The runs of one embedding, newest first."""
        return [run for run in self.all() if run.config.name == name]

    def get(self, run_id: str) -> StoredRun | None:
        """One by its id."""
        place = self._places.get(run_id)
        run = self.at(place) if place is not None else None
        if run is not None and run.id == run_id:
            return run
        return next((run for run in self.all() if run.id == run_id), None)

    def at(self, folder: Path) -> StoredRun | None:
        """The run in a folder; None where it cannot be read as one."""
        stamp = _stamp(folder)
        seen = self._seen.get(folder)
        if seen is None or seen[0] != stamp:
            seen = self._seen[folder] = stamp, _read(folder)
            if seen[1] is not None:
                self._places[seen[1].id] = folder
        return seen[1]

    def history(self, run: StoredRun) -> History:
        """The story that its folder tells; read once, until the run's state or loss table changes."""
        stamp = (*_stamp(run.folder), _modified(run.directory.loss_table))
        seen = self._histories.get(run.id)
        if seen is None or seen[0] != stamp:
            seen = stamp, run.history()
            self._histories = {**dict(list(self._histories.items())[-_HISTORIES_KEPT:]), run.id: seen}
        return seen[1]


def _read(folder: Path) -> StoredRun | None:
    try:
        directory, content = open_run_directory(folder)
        config = TrainConfig.from_mapping(content["config"])
    except UserError:
        return None
    step, best_step = _steps(directory.state)
    return StoredRun(
        id=id_of(folder),
        directory=directory,
        config=config,
        written=max(_modified(path) for path in (directory.plan, directory.state)) / 1e9,
        step=step,
        best_step=best_step,
    )


def _steps(state_file: Path) -> tuple[int | None, int | None]:
    """The step that a run stands at and its best one; None where there is no state to go on from."""
    try:
        state = load_state(state_file)
    except UserError:
        return None, None
    return state.step, state.best_step


def _stamp(folder: Path) -> Stamp:
    """Changes with whatever ``_read`` reads."""
    run = RunDirectory(folder, "")
    return tuple(_modified(path) for path in (run.plan, run.state, folder / ID_FILE))


def _modified(path: Path) -> int:
    """In nanoseconds; 0 where there is no such file."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
