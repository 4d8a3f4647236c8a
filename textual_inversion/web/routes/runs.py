"""The routes of runs: make an embedding, train it, watch and steer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.formats import FORMATS, conversion_notes, convert, read_embedding
from ...core.settings.train_config import TrainConfig
from ...runs.creation import INIT_METHODS, CreateRequest, create_embedding
from ...runs.errors import UnknownRunError
from ...runs.manager import RunManager
from ..access import Access
from ..content import Content
from ..routing import Nothing, Routes, route
from .requests import (
    ConvertRequest,
    EventPictureRequest,
    EventsRequest,
    MoveRequest,
    QueueRequest,
    ResumeRequest,
    RunRequest,
    UseRequest,
)

_PICTURE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}

Answer = dict[str, Any]


class RunRoutes(Routes):
    """Routes of runs of ``manager``; paths have to pass ``access``."""

    def __init__(self, manager: RunManager, access: Access) -> None:
        self._manager, self._access = manager, access

    def defaults(self, request: type[Any]) -> Mapping[str, Any]:
        """The host's, for a run."""
        return self._manager.defaults if request is TrainConfig else {}

    def choices(self, request: type[Any]) -> Mapping[str, Mapping[str, str]]:
        """The formats that can be written."""
        return {"file_format": {name: name for name in FORMATS}} if request is ConvertRequest else {}

    @route("POST", "/create", CreateRequest, answer="`name`, `file`, `warnings`; with `apt` a pair")
    def create(self, request: CreateRequest) -> Answer:
        if request.init not in INIT_METHODS:
            self._access.check_path(request.init, field="init")
        path, warnings = create_embedding(self._manager, request)
        return {"name": path.stem, "file": str(path), "warnings": warnings}

    @route(
        "POST",
        "/train",
        TrainConfig,
        status=202,
        fields="the settings of a run; for a pair `apt` with `guidance`, `reconstruction`, `negative_lr_weight`, …",
        answer="202 and `run`, its id",
    )
    def train(self, request: TrainConfig) -> Answer:
        self._access.check_config(request, self._manager.host)
        return {"run": self._manager.start(request)}

    @route("POST", "/convert", ConvertRequest, answer="`files`, and `notes` on who does not read them")
    def convert(self, request: ConvertRequest) -> Answer:
        source = self._access.check_path(request.source, field="source")
        target = self._access.check_path(request.target, field="target")
        form = request.file_format or None
        paths = convert(source, target, file_format=form, overwrite=request.overwrite)
        return {"files": [str(path) for path in paths], "notes": conversion_notes(read_embedding(source), form, target)}

    @route("GET", "/queue", Nothing, answer="`runs` that wait, in the order of their turns; `go_on_after_restart`")
    def queue(self, request: Nothing) -> Answer:
        return self._queue()

    @route("POST", "/queue", QueueRequest, answer="the same")
    def change_queue(self, request: QueueRequest) -> Answer:
        self._manager.queue_goes_on = request.go_on_after_restart
        return self._queue()

    @route(
        "GET",
        "/runs",
        Nothing,
        answer="`runs`: those of this process, newest first, then those on disk that can be resumed",
    )
    def runs(self, request: Nothing) -> Answer:
        return {"runs": self._manager.runs()}

    @route("GET", "/runs/{run}", RunRequest, answer="the same with `config`, all settings")
    def run(self, request: RunRequest) -> Answer:
        return self._manager.describe(request.run)

    @route(
        "GET",
        "/runs/{run}/events",
        EventsRequest,
        answer="`run`; `events` numbered above `after`, oldest first; `more`: ask again after the last one's `number`",
    )
    def events(self, request: EventsRequest) -> Answer:
        return self._manager.events(request.run, request.after)

    @route(
        "GET",
        "/runs/{run}/pictures/{number}",
        EventPictureRequest,
        answer="the preview that the event of this number told of",
    )
    def picture(self, request: EventPictureRequest) -> Content:
        """Read at once, since a run may replace the file meanwhile."""
        path = self._manager.picture(request.run, request.number)
        if path.suffix.lower() not in _PICTURE_TYPES:
            raise UnknownRunError(f"Event {request.number} of this run has no picture.")
        return Content(data=path.read_bytes(), media_type=_PICTURE_TYPES[path.suffix.lower()])

    @route(
        "POST",
        "/runs/{run}/interrupt",
        RunRequest,
        answer="the run; it stops at its next step and keeps everything. One that waits leaves the queue",
    )
    def interrupt(self, request: RunRequest) -> Answer:
        run = self.run(request)
        self._manager.interrupt(request.run)
        return {**run, "state": "interrupted"} if run["state"] == "held" else self.run(request)

    @route("POST", "/runs/{run}/pause", RunRequest, answer="the run; once its `state` is `paused` the model is free")
    def pause(self, request: RunRequest) -> Answer:
        self._manager.pause(request.run)
        return self.run(request)

    @route(
        "POST",
        "/runs/{run}/resume",
        ResumeRequest,
        status=202,
        answer="202 and `run`: the same run; from a kept step a run of its own, with another id and folder",
    )
    def resume(self, request: ResumeRequest) -> Answer:
        self._check_paths(request.run)
        run = self._manager.resume(request.run, steps=request.steps, from_step=request.from_step)
        return {"run": run}

    @route(
        "POST",
        "/runs/{run}/use",
        UseRequest,
        answer="`step`, `file`, `kept` (where the embedding it replaced is now), `warnings`",
    )
    def use(self, request: UseRequest) -> Answer:
        """Make a kept step the finished embedding."""
        self._check_paths(request.run)
        used = self._manager.use_step(request.run, request.step, stop=request.stop)
        kept = str(used.kept) if used.kept is not None else None
        return {"step": used.step, "file": str(used.path), "kept": kept, "warnings": list(used.warnings)}

    @route(
        "POST",
        "/runs/{run}/start",
        RunRequest,
        status=202,
        answer="202 and `run`: one that waits, or was queued before a restart, begins now or as the next",
    )
    def start(self, request: RunRequest) -> Answer:
        self._check_paths(request.run)
        return {"run": self._manager.start_queued(request.run)}

    @route("POST", "/runs/{run}/move", MoveRequest, answer="the run")
    def move(self, request: MoveRequest) -> Answer:
        self._manager.move(request.run, request.place)
        return self.run(request)

    @route("POST", "/runs/{run}/save", RunRequest, answer="the run")
    def save(self, request: RunRequest) -> Answer:
        self._manager.save_now(request.run)
        return self.run(request)

    @route("POST", "/runs/{run}/preview", RunRequest, answer="the run")
    def preview(self, request: RunRequest) -> Answer:
        self._manager.preview_now(request.run)
        return self.run(request)

    def _queue(self) -> Answer:
        runs = [run for run in self._manager.runs() if run.get("place") or run["state"] == "held"]
        runs.sort(key=lambda run: (run["place"] is None, run["place"] or 0))
        return {"runs": runs, "go_on_after_restart": self._manager.queue_goes_on}

    def _check_paths(self, run: str) -> None:
        """Check the paths of a run on disk: what it names was written by whoever could write there."""
        self._access.check_config(self._manager.settings(run), self._manager.host)
        folder = self._manager.folder(run)
        if folder is not None:
            self._access.check_path(str(folder), field="log_dir")
