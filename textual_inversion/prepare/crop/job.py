"""Preparing a folder: every file looked at, results written whole or not at all, and a report of each.

Originals are only read. A job can be stopped at any picture and run again: what is finished stays, nothing doubles.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from ...core.base.errors import InputError
from ...core.base.files import make_folder
from ...core.base.pasted_path import is_folder, pasted_path, why_no_folder
from ...core.base.sentences import listed
from ...core.model.captioning import CaptionModels
from ..advice.perceptual_hash import Seen
from ..captions.text import needs_new
from ..captions.writers import CaptionWriters
from ..folder.report import FileReport, JobReport
from ..folder.sources import SourcePicture, Sources, find_sources
from ..settings import PrepareSettings
from .develop import Developed, LeaveOutError, develop
from .faces import MISSING, Faces
from .record import Record, recipe_of, stamp_of
from .results import WRONG_SIDES, ResultWriter

MAX_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class Progress:
    """``file`` is the report just made; ``done`` of ``total`` pictures have one. Companions are reported at the end."""

    done: int
    total: int
    file: FileReport


Watch = Callable[[Progress], None]


def prepare(
    settings: PrepareSettings,
    models: CaptionModels,
    *,
    watch: Watch = lambda _progress: None,
    stop: Callable[[], bool] = lambda: False,
    threads: int | None = None,
) -> JobReport:
    """Run the job. Raises InputError for settings that cannot work, before anything is written, and ResourceError where
    the disk is full; what was finished by then stays."""
    source, destination = checked_folders(settings)
    sources = find_sources(source, recursive=settings.recursive)
    if not sources.pictures:
        raise InputError(f"There are no pictures in {source}." + _deeper(source, settings), field="source")
    make_folder(destination)
    with ExitStack() as stack:
        job = _Job(settings, sources, CaptionWriters(settings, models, stack), watch=watch, stop=stop)
        return job.run(min(MAX_THREADS, threads or os.cpu_count() or 1))


def checked_folders(settings: PrepareSettings) -> tuple[Path, Path]:
    """Source and destination, resolved. Raises InputError where they are missing or one and the same."""
    for name, words in (("source", "the folder with your pictures"), ("destination", "a folder for the results")):
        if not getattr(settings, name).strip():
            raise InputError(f"No {name} directory is given. Name {words}.", field=name)
    source, destination = (pasted_path(text) for text in (settings.source, settings.destination))
    if not is_folder(source):
        raise InputError(
            f"The source directory {source} {why_no_folder(source, given=settings.source)}.", field="source"
        )
    source, destination = source.resolve(), destination.resolve()
    if destination == source or (destination.exists() and destination.samefile(source)):
        raise InputError(
            "The destination is the source, whose pictures must stay as they are. Choose another folder.",
            field="destination",
        )
    if settings.recursive and destination.is_relative_to(source):
        raise InputError(
            "The destination lies inside the source, and subfolders are included: the results would be prepared again. "
            "Choose another folder.",
            field="destination",
        )
    if destination.exists() and not destination.is_dir():
        raise InputError(f"The destination directory {destination} is a file. Choose a folder.", field="destination")
    _check_limits(settings)
    return source, destination


def _check_limits(settings: PrepareSettings) -> None:
    for low, high, words in (("min_dimension", "max_dimension", "dimension"), ("min_area", "max_area", "area")):
        if settings.fit == "auto" and getattr(settings, low) > getattr(settings, high):
            raise InputError(f"The {words} lower bound is above the upper bound.", field=low)
    if settings.min_length > settings.max_length:
        raise InputError("BLIP: the minimum description length is above the maximum.", field="min_length")


def _deeper(source: Path, settings: PrepareSettings) -> str:
    if settings.recursive or not find_sources(source, recursive=True).pictures:
        return ""
    return " There are some in folders below it: include subfolders."


class _Job:
    def __init__(
        self,
        settings: PrepareSettings,
        sources: Sources,
        writers: CaptionWriters,
        *,
        watch: Watch,
        stop: Callable[[], bool],
    ) -> None:
        self._settings, self._sources, self._writers = settings, sources, writers
        self._watch, self._stop = watch, stop
        destination = pasted_path(settings.destination).resolve()
        self._record = Record(destination)
        self._output = ResultWriter(destination, self._record, settings)
        self._recipe = recipe_of(settings)
        self._faces = Faces()
        self._seen = Seen(distance=settings.duplicate_distance)
        self._files: list[FileReport] = []
        self._waiting: list[Developed] = []

    def run(self, threads: int) -> JobReport:
        interrupted = False
        with ThreadPoolExecutor(threads, thread_name_prefix="prepare") as pool:
            for source, outcome in self._developed(pool, ahead=2 * threads):
                if self._stop():
                    interrupted = True
                    break
                self._take(source, outcome)
        self._write_waiting()
        others = [
            FileReport(name=other.name, outcome="companion" if other.belongs else "left out", reason=other.reason)
            for other in self._sources.others
        ]
        self._record.tidy()
        return JobReport(files=(*self._files, *others), interrupted=interrupted, notes=tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        settings = self._settings
        if settings.fit == "focal" and settings.face_weight and not self._faces.available:
            yield MISSING
        yield from self._writers.notes
        if sided := [file.name for file in self._files if WRONG_SIDES in file.notes]:
            yield f"Mirrored, while their captions say left or right: {listed(sided)}. Correct those of the copies, or do not flip these."

    def _developed(
        self, pool: ThreadPoolExecutor, *, ahead: int
    ) -> Iterator[tuple[SourcePicture, Future[Developed] | FileReport]]:
        """In order, with a few pictures read ahead: memory stays flat however many there are."""
        queue: deque[tuple[SourcePicture, Future[Developed] | FileReport]] = deque()
        for source in self._sources.pictures:
            queue.append((source, self._known(source) or pool.submit(self._develop, source)))
            if len(queue) > ahead:
                yield queue.popleft()
        try:
            yield from queue
        finally:
            for _, outcome in queue:
                if isinstance(outcome, Future):
                    outcome.cancel()

    def _develop(self, source: SourcePicture) -> Developed:
        return develop(source, self._settings, self._faces, keep_parts=bool(self._settings.caption))

    def _known(self, source: SourcePicture) -> FileReport | None:
        """A report for what is there from an earlier time; None where there is something to do."""
        entry = self._record.of(source.path)
        if entry is None or not entry.finished or self._settings.overwrite or not self._output.all_there(entry.results):
            return None
        same = entry.stamp == _stamp(source) and entry.recipe == self._recipe
        reason = (
            "Its results are there already."
            if same
            else "Results of it are there already, made with other settings or before it was changed. To make them anew, "
            "choose to overwrite, or another destination."
        )
        return FileReport(name=source.name, outcome="there", reason=reason, results=entry.results)

    def _take(self, source: SourcePicture, outcome: Future[Developed] | FileReport) -> None:
        if isinstance(outcome, FileReport):
            self._tell(outcome)
            return
        try:
            developed = outcome.result()
        except LeaveOutError as error:
            self._tell(FileReport(name=source.name, outcome="left out", reason=str(error)))
            return
        except InputError as error:
            self._tell(FileReport(name=source.name, outcome="unreadable", reason=error.message))
            return
        twin = self._seen.alike(developed.look)
        if twin is not None and self._settings.skip_duplicates:
            self._tell(FileReport(name=source.name, outcome="left out", reason=f"It looks the same as {twin}."))
            return
        if twin is None:
            self._seen.add(developed.look, source.name)
        else:
            developed = replace(developed, notes=(*developed.notes, f"It looks the same as {twin}."))
        self._waiting.append(developed)
        if not self._settings.caption or sum(len(each.parts) for each in self._waiting) >= self._settings.caption_batch:
            self._write_waiting()

    def _write_waiting(self) -> None:
        """Captions for all that wait, in one go; then their files."""
        waiting, self._waiting = self._waiting, []
        pictures: list[Image.Image] = [
            part for each in waiting if needs_new(each.old, self._settings) for part in each.parts
        ]
        written = iter(self._writers.write(pictures))
        for each in waiting:
            looked_at = needs_new(each.old, self._settings)
            new: Sequence[Sequence[str]] = [next(written) if looked_at else () for _ in range(each.captions)]
            self._tell(self._output.write(each, new, stamp=_stamp(each.source), recipe=self._recipe))

    def _tell(self, report: FileReport) -> None:
        self._files.append(report)
        self._watch(Progress(done=len(self._files), total=len(self._sources.pictures), file=report))


def _stamp(source: SourcePicture) -> str:
    try:
        return stamp_of(source.path, source.caption, source.mask)
    except OSError:
        return ""
