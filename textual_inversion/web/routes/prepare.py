"""The routes of the Prepare tab: pictures made ready, and the captions of a training folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...core.base.errors import InputError
from ...core.base.options import options_of
from ...core.model.captioning import CaptionModels, KeepsCaptionFiles, OffersCaptionModels
from ...core.pictures.masks import is_graded
from ...prepare.advice.check import check_folder
from ...prepare.captions.folder import caption_folder
from ...prepare.crop.job import checked_folders, prepare
from ...prepare.crop.preview import preview
from ...prepare.folder.edits import replaced, tag_counts, with_tag, without_tag
from ...prepare.folder.training_folder import Captioned, TrainingFolder
from ...prepare.settings import PrepareSettings
from ...runs.errors import ConflictError, UnknownRunError
from ...runs.manager import RunManager
from ...runs.preparing import Preparations
from ..content import Content
from ..folder_access import Folders, inside
from ..routing import Nothing, Routes, route
from ..thumbnails import thumbnail
from . import prepare_requests as requests

Answer = dict[str, Any]
_IN_PLACE = {"existing": "keep"}
"""Rule for captions that lie beside the pictures already: none of them is replaced unasked, whatever a web UI does elsewhere."""
_JOB = "`state` (`running`, `done`, `interrupted`, `failed`), `done`, `total`, `message`, `notes`"


class PrepareRoutes(Routes):
    """Routes of folders of pictures, with the captioning models and the tokenizer of ``manager``'s host, where it has them."""

    def __init__(self, manager: RunManager, folders: Folders, preparations: Preparations) -> None:
        self._host, self._folders, self._preparations = manager.host, folders, preparations

    def defaults(self, request: type[Any]) -> Mapping[str, Any]:
        """The host's size of pictures, and its settings of captioning."""
        side = self._host.native_size
        known = {"width": side, "height": side, **self._models().defaults}
        if request is requests.CaptionFolderRequest:
            known.update(_IN_PLACE)
        return {name: value for name, value in known.items() if name in options_of(request)}

    @route(
        "POST",
        "/prepare/preview",
        PrepareSettings,
        fields="settings of `preprocess`",
        answer="`pictures`: the first results (JPEG in Base64), without captions; nothing is written",
    )
    def preview(self, request: PrepareSettings) -> Answer:
        self._folders.check(request.source, field="source")
        return {"pictures": preview(request)}

    @route(
        "POST",
        "/prepare/start",
        PrepareSettings,
        status=202,
        fields="settings of `preprocess`: `source`, `destination`, `width`, `height`, `fit`, `split`, `flip` (a list), "
        "`caption` (a list) …",
        answer="202 and `job`",
    )
    def start(self, request: PrepareSettings) -> Answer:
        self._folders.check_paths(request, "source", "destination")
        _, destination = checked_folders(request)
        models = self._models()
        job = self._preparations.start(
            f"Preparing {request.source}",
            lambda watch, stop: prepare(request, models, watch=watch, stop=stop),
            folder=destination,
            models=bool(request.caption),
        )
        return {"job": job}

    @route(
        "POST",
        "/prepare/caption",
        requests.CaptionFolderRequest,
        status=202,
        fields="`folder`, `recursive`, `caption` (a list), `existing`, `threshold` …",
        answer="202 and `job`; 409 while a run has the model",
    )
    def caption(self, request: requests.CaptionFolderRequest) -> Answer:
        folder, models = self._folders.path(request), self._models()
        job = self._preparations.start(
            f"Captions for {folder}",
            lambda watch, stop: caption_folder(
                folder, request, models, recursive=request.recursive, watch=watch, stop=stop
            ),
            folder=folder,
            models=True,
        )
        return {"job": job}

    @route("GET", "/prepare/jobs", Nothing, answer="`jobs`, newest first")
    def jobs(self, request: Nothing) -> Answer:
        return {"jobs": [job.to_mapping(limit=0) for job in self._preparations.jobs()]}

    @route(
        "GET",
        "/prepare/jobs/{job}",
        requests.JobStateRequest,
        answer=f"{_JOB}, and `files` behind the first `after`: `name`, `outcome`, `reason`, `results`, `notes`",
    )
    def job(self, request: requests.JobStateRequest) -> Answer:
        return self._preparations.job(request.job).to_mapping(request.after)

    @route(
        "GET",
        "/prepare/jobs/{job}/picture",
        requests.ResultRequest,
        answer="one of its results, small",
    )
    def result(self, request: requests.ResultRequest) -> Content:
        job = self._preparations.job(request.job)
        if not any(request.name in file.results for file in list(job.files)):
            raise UnknownRunError("This job made no such picture.")
        return self._thumbnail(job.results / request.name, request.size)

    @route("POST", "/prepare/jobs/{job}/interrupt", requests.JobRequest, answer="the job; what is finished stays")
    def interrupt(self, request: requests.JobRequest) -> Answer:
        job = self._preparations.job(request.job)
        job.control.interrupt()
        return job.to_mapping(limit=0)

    @route(
        "GET",
        "/prepare/folder",
        requests.FolderRequest,
        answer="`pictures`: `name`, `caption`, `written` (false: from the file name), `mask`, `graded` (it is an attention "
        "map), `tokens`, `problem`; `tags` by frequency; `excluded`; `undo`: what would be undone",
    )
    def folder(self, request: requests.FolderRequest) -> Answer:
        folder = self._folders.folder(request)
        pictures = folder.pictures()
        return {
            "folder": str(folder.folder),
            "pictures": [self._shown(each) for each in pictures],
            "tags": tag_counts(each.caption for each in pictures),
            "excluded": folder.excluded(),
            "undo": folder.last_edit(),
        }

    @route("GET", "/prepare/picture", requests.ThumbnailRequest, answer="the picture, small")
    def picture(self, request: requests.ThumbnailRequest) -> Content:
        return self._thumbnail(inside(self._folders.path(request), request.name), request.size)

    @route(
        "POST",
        "/prepare/edit",
        requests.EditRequest,
        answer="`changed`, `pictures`, `tags`, `undo`. `action` is `set` (409 if the caption is not `before` any more), "
        "`replace`, `add` or `remove`; without `names` it is done to all",
    )
    def edit(self, request: requests.EditRequest) -> Answer:
        folder = self._folders.folder(request)
        with self._folders.changing:
            if request.action == "set":
                return self._changed(folder, self._set(folder, request))
            what, change = _change(request)
            return self._changed(folder, folder.edit(what, change, names=list(request.names) or None))

    @route("POST", "/prepare/undo", requests.FolderRequest, answer="`undone`, `notes`, `undo`")
    def undo(self, request: requests.FolderRequest) -> Answer:
        folder = self._folders.folder(request)
        with self._folders.changing:
            what, notes = folder.undo()
        return {"undone": what, "notes": notes, "undo": folder.last_edit()}

    @route("POST", "/prepare/exclude", requests.PictureRequest, answer="`undo`")
    def exclude(self, request: requests.PictureRequest) -> Answer:
        folder = self._folders.folder(request)
        with self._folders.changing:
            folder.exclude(request.name)
        return {"undo": folder.last_edit()}

    @route("POST", "/prepare/restore", requests.PictureRequest, answer="`undo`")
    def restore(self, request: requests.PictureRequest) -> Answer:
        folder = self._folders.folder(request)
        with self._folders.changing:
            folder.restore(request.name)
        return {"undo": folder.last_edit()}

    @route(
        "POST",
        "/prepare/check",
        requests.CheckRequest,
        answer="`summary`, `pictures`, `captions`, `unusable`, `sizes`, `problems`, `findings`: `kind`, `message`, `files`",
    )
    def check(self, request: requests.CheckRequest) -> Answer:
        folder = self._folders.path(request)
        if request.template.strip():
            self._folders.check(request.template, field="template")
        report = check_folder(
            folder,
            width=request.width,
            height=request.height,
            recursive=request.recursive,
            template=request.template,
            template_dirs=self._host.template_dirs,
            learned=request.init_text,
            count_tokens=getattr(self._host, "count_tokens", None),
        )
        return {**report.to_mapping(), "summary": report.summary}

    def _models(self) -> CaptionModels:
        if isinstance(self._host, OffersCaptionModels):
            return self._host.caption_models
        from ...prepare.captions.local_models import LocalModels

        if isinstance(self._host, KeepsCaptionFiles):
            return LocalModels(self._host.models_dir, defaults=self._host.caption_defaults)
        return LocalModels()

    def _set(self, folder: TrainingFolder, request: requests.EditRequest) -> list[str]:
        if not request.names:
            raise InputError("No picture is named whose caption is to be set.", field="names")
        now = {each.name: each.caption for each in folder.pictures()}
        if request.before is not None and any(now.get(name) != request.before for name in request.names):
            raise ConflictError("The caption was changed by something else meanwhile. Look at the folder again.")
        what = f"Caption of {request.names[0]}" if len(request.names) == 1 else f"{len(request.names)} captions"
        return folder.write(what, dict.fromkeys(request.names, request.text))

    def _changed(self, folder: TrainingFolder, names: list[str]) -> dict[str, Any]:
        pictures = folder.pictures()
        wanted = set(names)
        return {
            "changed": len(names),
            "pictures": [self._shown(each) for each in pictures if each.name in wanted],
            "tags": tag_counts(each.caption for each in pictures),
            "undo": folder.last_edit(),
        }

    def _shown(self, each: Captioned) -> dict[str, Any]:
        count: Callable[[str], int | None] | None = getattr(self._host, "count_tokens", None)
        return {
            "name": each.name,
            "caption": each.caption,
            "written": each.written,
            "mask": bool(each.mask),
            "graded": is_graded(Path(each.mask)),
            "problem": each.problem,
            "tokens": count(each.caption) if count is not None else None,
        }

    def _thumbnail(self, path: Path, side: int) -> Content:
        """A link inside the folder may lead out of it: what it leads to is checked as well."""
        self._folders.check(str(path), field="name")
        return thumbnail(path, side)


def _change(request: requests.EditRequest) -> tuple[str, Callable[[str], str]]:
    """Change of each caption, in words and as a function."""
    if request.action == "replace":
        if not request.find:
            raise InputError("Nothing is given to search for.", field="find")
        return f"Replaced '{request.find}' by '{request.text}'", lambda text: replaced(text, request.find, request.text)
    if not request.text.strip():
        raise InputError("No tag is given.", field="text")
    if request.action == "add":
        return f"Added '{request.text}'", lambda text: with_tag(text, request.text, first=request.first)
    return f"Removed '{request.text}'", lambda text: without_tag(text, request.text)
