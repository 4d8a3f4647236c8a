"""The routes of the Prepare tab, without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...core.base.errors import InputError
from ...core.base.options import build
from ...core.model.captioning import CaptionModels, OffersCaptionModels
from ...core.pictures.masks import is_graded
from ...core.pictures.open import open_picture
from ...prepare.folder.edits import replaced, tag_counts, with_tag, without_tag
from ...prepare.folder.training_folder import Captioned, TrainingFolder
from ...prepare.settings import PrepareSettings
from ...runs.errors import ConflictError, UnknownRunError
from ...runs.manager import RunManager
from ...runs.preparing import Preparations
from ..content import Content
from ..described_form import described_form
from ..folder_access import Folders, asked, encoded, inside, thumbnail_side
from . import prepare_requests as requests
from .runs import Call

_PATHS = ("source", "destination")
_IN_PLACE = {"existing": "keep"}
"""Rule for captions that lie beside the pictures already: none of them is replaced unasked, whatever a web UI does elsewhere."""


class PrepareApi:
    """One method a route. Errors are UserErrors. ``models`` is asked for when captions are wanted."""

    def __init__(
        self,
        folders: Folders,
        preparations: Preparations,
        *,
        models: Callable[[], CaptionModels],
        count_tokens: Callable[[str], int | None] | None = None,
        template_dirs: Sequence[Path] = (),
        native_size: Callable[[], int] = lambda: 512,
    ) -> None:
        self._folders, self._preparations, self._models = folders, preparations, models
        self._count_tokens, self._template_dirs = count_tokens, tuple(template_dirs)
        self._native_size = native_size

    def form(self, call: Call) -> dict[str, Any]:
        """The settings as the page draws them, with the values that they begin with here."""
        side = self._native_size()
        values = {"width": side, "height": side, **self._models().defaults}
        return {
            "prepare": described_form(PrepareSettings, values),
            "caption": described_form(requests.CaptionFolderRequest, {**values, **_IN_PLACE}),
            "check": described_form(requests.CheckRequest, values),
        }

    def start(self, call: Call) -> dict[str, Any]:
        from ...prepare.crop.job import checked_folders, prepare

        settings = build(PrepareSettings, {**self._models().defaults, **call.body})
        self._folders.check_paths(settings, _PATHS)
        _, destination = checked_folders(settings)
        models = self._models()
        job = self._preparations.start(
            f"Preparing {settings.source}",
            lambda watch, stop: prepare(settings, models, watch=watch, stop=stop),
            folder=destination,
            models=bool(settings.caption),
        )
        return {"job": job}

    def preview(self, call: Call) -> dict[str, Any]:
        """The first results, without captions and without writing anything."""
        from ...prepare.crop.preview import preview

        settings = build(PrepareSettings, {**self._models().defaults, **call.body})
        self._folders.check(settings.source, field="source")
        return {"pictures": preview(settings)}

    def caption(self, call: Call) -> dict[str, Any]:
        from ...prepare.captions.folder import caption_folder

        request = build(requests.CaptionFolderRequest, {**self._models().defaults, **_IN_PLACE, **call.body})
        self._folders.check_paths(request, ("folder",))
        folder = Path(request.folder.strip().strip('"')).resolve()
        models = self._models()
        job = self._preparations.start(
            f"Captions for {folder}",
            lambda watch, stop: caption_folder(
                folder, request, models, recursive=request.recursive, watch=watch, stop=stop
            ),
            folder=folder,
            models=True,
        )
        return {"job": job}

    def jobs(self, call: Call) -> dict[str, Any]:
        return {"jobs": [job.to_mapping(limit=0) for job in self._preparations.jobs()]}

    def job(self, call: Call) -> dict[str, Any]:
        after = call.query.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 10):
            raise InputError(f"after: {after!r} is not a whole number.", field="after")
        return self._preparations.job(call.path["job"]).to_mapping(int(after))

    def interrupt(self, call: Call) -> dict[str, Any]:
        job = self._preparations.job(call.path["job"])
        job.control.interrupt()
        return job.to_mapping(limit=0)

    def result(self, call: Call) -> Content:
        """A small picture of one of a job's results, by name."""
        job, name = self._preparations.job(call.path["job"]), call.query.get("name", "")
        if not any(name in file.results for file in list(job.files)):
            raise UnknownRunError("This job made no such picture.")
        return self._thumbnail(job.results / name, call)

    def folder(self, call: Call) -> dict[str, Any]:
        """The pictures of a training folder with their captions."""
        folder = self._folders.folder(build(requests.FolderRequest, asked(call, "folder", "recursive")))
        pictures = folder.pictures()
        return {
            "folder": str(folder.folder),
            "pictures": [self._shown(each) for each in pictures],
            "tags": tag_counts(each.caption for each in pictures),
            "excluded": folder.excluded(),
            "undo": folder.last_edit(),
        }

    def picture(self, call: Call) -> Content:
        request = build(requests.PictureRequest, asked(call, "folder", "name"))
        folder = self._folders.folder(request)
        return self._thumbnail(inside(folder.folder, request.name), call)

    def edit(self, call: Call) -> dict[str, Any]:
        request = build(requests.EditRequest, call.body)
        folder = self._folders.folder(request)
        with self._folders.changing:
            if request.action == "set":
                return self._changed(folder, self._set(folder, request))
            what, change = _change(request)
            return self._changed(folder, folder.edit(what, change, names=list(request.names) or None))

    def undo(self, call: Call) -> dict[str, Any]:
        folder = self._folders.folder(build(requests.FolderRequest, call.body))
        with self._folders.changing:
            what, notes = folder.undo()
        return {"undone": what, "notes": notes, "undo": folder.last_edit()}

    def exclude(self, call: Call) -> dict[str, Any]:
        request = build(requests.PictureRequest, call.body)
        folder = self._folders.folder(request)
        with self._folders.changing:
            folder.exclude(request.name)
        return {"undo": folder.last_edit()}

    def restore(self, call: Call) -> dict[str, Any]:
        request = build(requests.PictureRequest, call.body)
        folder = self._folders.folder(request)
        with self._folders.changing:
            folder.restore(request.name)
        return {"undo": folder.last_edit()}

    def check(self, call: Call) -> dict[str, Any]:
        from ...prepare.advice.check import check_folder

        request = build(requests.CheckRequest, call.body)
        self._folders.check_paths(request, ("folder",))
        if request.template.strip():
            self._folders.check(request.template, field="template")
        report = check_folder(
            request.folder.strip().strip('"'),
            width=request.width,
            height=request.height,
            recursive=request.recursive,
            template=request.template,
            template_dirs=self._template_dirs,
            learned=request.init_text,
            count_tokens=self._count_tokens,
        )
        return {**report.to_mapping(), "summary": report.summary}

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
        tokens = self._count_tokens(each.caption) if self._count_tokens is not None else None
        return {
            "name": each.name,
            "caption": each.caption,
            "written": each.written,
            "mask": bool(each.mask),
            "graded": is_graded(Path(each.mask)),
            "problem": each.problem,
            "tokens": tokens,
        }

    def _thumbnail(self, path: Path, call: Call) -> Content:
        """A link inside the folder may lead out of it: what it leads to is checked as well."""
        self._folders.check(str(path), field="name")
        image = open_picture(path).rgb
        side = thumbnail_side(call)
        image.thumbnail((side, side))
        return Content(data=encoded(image, "JPEG"), media_type="image/jpeg")


def prepare_api(manager: RunManager, folders: Folders, preparations: Preparations) -> PrepareApi:
    """With the captioning models and the tokenizer of the manager's host, where it has them."""
    host = manager.host

    def models() -> CaptionModels:
        if isinstance(host, OffersCaptionModels):
            return host.caption_models
        from ...prepare.captions.local_models import LocalModels

        return LocalModels()

    return PrepareApi(
        folders,
        preparations,
        models=models,
        count_tokens=getattr(host, "count_tokens", None),
        template_dirs=host.template_dirs,
        native_size=lambda: host.native_size,
    )


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
