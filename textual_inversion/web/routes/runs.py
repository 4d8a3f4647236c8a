"""HTTP routes of runs, without HTTP: from the fields of a call to something fit for JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.base.errors import InputError
from ...core.base.options import build
from ...runs.errors import UnknownRunError
from ...runs.locks.name_lock import NameLock
from ...runs.manager import RunManager
from ..access import Access
from .requests import INIT_METHODS, ConvertRequest, CreateRequest, MoveRequest, QueueRequest, ResumeRequest, UseRequest

_PICTURE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: fields of the JSON body, parts of the path, fields behind the question mark."""

    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class PictureFile:
    """An answer that is a picture; read at once, since a run may replace the file meanwhile."""

    data: bytes
    media_type: str


class Api:
    """One method a route. Errors are UserErrors, with ``status`` where it is not 400."""

    def __init__(self, manager: RunManager, access: Access) -> None:
        self._manager, self._access = manager, access

    def create(self, call: Call) -> dict[str, Any]:
        request = build(CreateRequest, call.body)
        if request.init not in INIT_METHODS:
            self._access.check_path(request.init, field="init")
        path, warnings = create_embedding(self._manager, request)
        return {"name": path.stem, "file": str(path), "warnings": warnings}

    def train(self, call: Call) -> dict[str, Any]:
        config = self._manager.config(call.body)
        self._access.check_config(config)
        return {"run": self._manager.start(config)}

    def convert(self, call: Call) -> dict[str, Any]:
        from ...core.formats import convert

        request = build(ConvertRequest, call.body)
        source = self._access.check_path(request.source, field="source")
        target = self._access.check_path(request.target, field="target")
        files = convert(source, target, file_format=request.file_format or None)
        return {"files": [str(path) for path in files]}

    def queue(self, call: Call) -> dict[str, Any]:
        """The runs that wait, in the order of their turns, and whether they would begin by themselves after a restart."""
        runs = [run for run in self._manager.runs() if run.get("place") or run["state"] == "held"]
        runs.sort(key=lambda run: (run["place"] is None, run["place"] or 0))
        return {"runs": runs, "go_on_after_restart": self._manager.queue_goes_on}

    def change_queue(self, call: Call) -> dict[str, Any]:
        self._manager.queue_goes_on = build(QueueRequest, call.body).go_on_after_restart
        return self.queue(call)

    def runs(self, call: Call) -> dict[str, Any]:
        return {"runs": self._manager.runs()}

    def run(self, call: Call) -> dict[str, Any]:
        return self._manager.describe(call.path["run"])

    def events(self, call: Call) -> dict[str, Any]:
        return self._manager.events(call.path["run"], _number(call.query.get("after", "0"), field="after"))

    def picture(self, call: Call) -> PictureFile:
        """A preview or saved picture by the number of the event that told of it."""
        number = _number(call.path["number"], field="number")
        path = self._manager.picture(call.path["run"], number)
        if path.suffix.lower() not in _PICTURE_TYPES:
            raise UnknownRunError(f"Event {number} of this run has no picture.")
        return PictureFile(path.read_bytes(), _PICTURE_TYPES[path.suffix.lower()])

    def interrupt(self, call: Call) -> dict[str, Any]:
        run = self.run(call)
        self._manager.interrupt(call.path["run"])
        return {**run, "state": "interrupted"} if run["state"] == "held" else self.run(call)

    def pause(self, call: Call) -> dict[str, Any]:
        self._manager.pause(call.path["run"])
        return self.run(call)

    def resume(self, call: Call) -> dict[str, Any]:
        request = build(ResumeRequest, call.body)
        self._check_paths(call.path["run"])
        run = self._manager.resume(call.path["run"], steps=request.steps, from_step=request.from_step)
        return {"run": run}

    def start(self, call: Call) -> dict[str, Any]:
        """A run that waits in the queue, as the next one."""
        self._check_paths(call.path["run"])
        return {"run": self._manager.start_queued(call.path["run"])}

    def move(self, call: Call) -> dict[str, Any]:
        self._manager.move(call.path["run"], build(MoveRequest, call.body).place)
        return self.run(call)

    def use(self, call: Call) -> dict[str, Any]:
        """A kept step as the finished embedding."""
        request = build(UseRequest, call.body)
        self._check_paths(call.path["run"])
        used = self._manager.use_step(call.path["run"], request.step, stop=request.stop)
        kept = str(used.kept) if used.kept is not None else None
        return {"step": used.step, "file": str(used.path), "kept": kept, "warnings": list(used.warnings)}

    def _check_paths(self, run: str) -> None:
        """Check the paths of a run on disk: what it names was written by whoever could write there."""
        self._access.check_config(self._manager.settings(run))
        folder = self._manager.folder(run)
        if folder is not None:
            self._access.check_path(str(folder), field="log_dir")

    def save(self, call: Call) -> dict[str, Any]:
        self._manager.save_now(call.path["run"])
        return self.run(call)

    def preview(self, call: Call) -> dict[str, Any]:
        self._manager.preview_now(call.path["run"])
        return self.run(call)


def create_embedding(manager: RunManager, request: CreateRequest) -> tuple[Path, list[str]]:
    """Make a new embedding with the host's model; its file, and what a person should know about its name.

    Raises ConflictError while a run holds the model, or, paused, the name.
    """
    from ...core.embeddings_folder.create import create

    warnings: list[str] = []
    with manager.borrow(), NameLock(manager.host.embeddings_dir, request.name):
        path = create(manager.host, **dataclasses.asdict(request), warn=warnings.append)
    return path, warnings


def _number(text: str, *, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InputError(f"{field}: {text!r} is not a whole number.", field=field)
    return int(text)
