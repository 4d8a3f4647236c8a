"""Preparing and captioning of folders, each in a thread of its own; what was done with each file is kept for those who watch."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.base.control import Control
from ..core.base.errors import UserError
from ..core.record.events import Emit
from .background_job import BackgroundJob
from .errors import ConflictError, UnknownRunError

if TYPE_CHECKING:
    from ..prepare.crop.job import Progress
    from ..prepare.folder.report import FileReport, JobReport

Watch = Callable[[Emit, Control], AbstractContextManager[Any]]
Borrow = Callable[[], AbstractContextManager[None]]
State = Literal["running", "done", "interrupted", "failed"]
Work = Callable[[Callable[["Progress"], None], Callable[[], bool]], "JobReport"]
"""Does the job, told how to report progress and when to stop."""

SETTLE_SECONDS = 1.0
"""Seconds that a start waits for the first file or the end, so that a refused setting is an answer and not an event."""

KEPT = 20
"""Ended jobs that are remembered."""


@dataclass
class Preparation:
    """One job. ``files`` are in the order of the report; any thread may read it."""

    id: str
    title: str
    results: Path
    state: State = "running"
    message: str = ""
    done: int = 0
    total: int = 0
    files: list[FileReport] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    error: UserError | None = None
    control: Control = field(default_factory=Control)

    @property
    def active(self) -> bool:
        return self.state == "running"

    def told(self, progress: Progress) -> None:
        self.files.append(progress.file)
        self.done, self.total = progress.done, progress.total

    def to_mapping(self, after: int = 0, *, limit: int = 500) -> dict[str, Any]:
        """``after``: how many of the files the asker knows already."""
        files = self.files[after : after + limit]
        return {
            "id": self.id,
            "title": self.title,
            "folder": str(self.results),
            "state": self.state,
            "message": self.message,
            "done": self.done,
            "total": self.total,
            "notes": list(self.notes),
            "field": self.error.field if self.error is not None else None,
            "files": [file.to_mapping() for file in files],
            "more": after + len(files) < len(self.files),
        }


class Preparations:
    """``borrow`` takes the model as everything short does, for jobs that caption; ``watch`` lets the host's Interrupt reach
    these. One job at a time works on a folder."""

    def __init__(self, *, borrow: Borrow, watch: Watch | None = None) -> None:
        self._borrow = borrow
        self._watch: Watch = watch or (lambda emit, _control: nullcontext(emit))
        self._lock = threading.Lock()
        self._jobs: dict[str, Preparation] = {}

    def start(self, title: str, work: Work, *, folder: Path, models: bool) -> str:
        """Begin a job that writes to ``folder``, with the host's model taken where ``models``; returns its id.

        Raises what refuses it at once, and ConflictError while another job works on the folder.
        """
        with self._lock:
            if other := next((job for job in self._jobs.values() if job.active and job.results == folder), None):
                raise ConflictError(f"{other.title} is still working on {folder}. Wait until it ends, or interrupt it.")
            job = Preparation(id=secrets.token_hex(6), title=title, results=folder)
            self._jobs[job.id] = job
            for old in [each.id for each in self._jobs.values() if not each.active][:-KEPT]:
                del self._jobs[old]
        thread = BackgroundJob(
            title,
            lambda: self._work(job, work, models=models, show=thread.show),
            ended=lambda error: _fail(job, error) if error is not None else None,
        )
        thread.start()
        try:
            thread.settle(SETTLE_SECONDS)
        except UserError:
            with self._lock:
                self._jobs.pop(job.id, None)
            raise
        return job.id

    def jobs(self) -> list[Preparation]:
        """Newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def job(self, job_id: str) -> Preparation:
        """Raises UnknownRunError."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise UnknownRunError("This job is no longer known here. What it made is in its folder.")
        return job

    def close(self) -> None:
        for job in self.jobs():
            job.control.interrupt()

    def _work(self, job: Preparation, work: Work, *, models: bool, show: Callable[[], None]) -> None:
        def told(progress: Progress) -> None:
            job.told(progress)
            show()

        with ExitStack() as stack:
            if models:
                stack.enter_context(self._borrow())
                stack.enter_context(self._watch(lambda _event: None, job.control))
            report = work(told, job.control.interrupted.is_set)
        job.files, job.notes, job.message = list(report.files), report.notes, report.summary()
        job.state = "interrupted" if report.interrupted else "done"


def _fail(job: Preparation, error: UserError) -> None:
    from ..prepare.folder.report import counted, summarised

    made = sum(len(file.results) for file in job.files if file.outcome == "made")
    done = f" Before that: {summarised(counted(job.files), made)}" if job.files else ""
    job.error, job.message = error, error.message + done
    job.state = "failed"
