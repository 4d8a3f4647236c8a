"""The routes of the Prepare tab, without HTTP."""

from __future__ import annotations

import base64
import binascii
import io
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ..core.captioners import CaptionModels, OffersCaptionModels
from ..core.errors import InputError
from ..core.options import build
from ..core.pictures import open_picture
from ..prepare.edits import replaced, tag_counts, with_tag, without_tag
from ..prepare.settings import PrepareSettings
from ..prepare.training_folder import Captioned, TrainingFolder
from . import prepare_requests as requests
from .access import Access
from .api import Call
from .content import Content
from .errors import ConflictError, UnknownRunError
from .forms import described_form
from .manager import RunManager
from .preparations import Preparations

_PATHS = ("source", "destination")
_OPTIONAL_PATHS = ("tagger_file", "blip_folder")
_LARGEST_THUMBNAIL = 1024
_IN_PLACE = {"existing": "keep"}
"""Where captions lie beside the pictures already, none of them is replaced unasked, whatever a web UI does elsewhere."""


class PrepareApi:
    """One method a route. Errors are UserErrors. ``models`` is asked for when captions are wanted."""

    def __init__(
        self,
        access: Access,
        preparations: Preparations,
        *,
        models: Callable[[], CaptionModels],
        count_tokens: Callable[[str], int | None] | None = None,
        template_dirs: Sequence[Path] = (),
        native_size: Callable[[], int] = lambda: 512,
    ) -> None:
        self._access, self._preparations, self._models = access, preparations, models
        self._count_tokens, self._template_dirs = count_tokens, tuple(template_dirs)
        self._native_size = native_size
        self._editing = threading.Lock()

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
        from ..prepare.job import checked_folders, prepare

        settings = build(PrepareSettings, {**self._models().defaults, **call.body})
        self._check_paths(settings, _PATHS)
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
        from ..prepare.preview import preview

        settings = build(PrepareSettings, {**self._models().defaults, **call.body})
        self._access.check_path(settings.source, field="source")
        return {"pictures": preview(settings)}

    def caption(self, call: Call) -> dict[str, Any]:
        from ..prepare.caption_folder import caption_folder

        request = build(requests.CaptionFolderRequest, {**self._models().defaults, **_IN_PLACE, **call.body})
        self._check_paths(request, ("folder",))
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
        folder = self._folder(build(requests.FolderRequest, _query(call, "folder", "recursive")))
        pictures = folder.pictures()
        return {
            "folder": str(folder.folder),
            "pictures": [self._shown(each) for each in pictures],
            "tags": tag_counts(each.caption for each in pictures),
            "excluded": folder.excluded(),
            "undo": folder.last_edit(),
        }

    def picture(self, call: Call) -> Content:
        request = build(requests.PictureRequest, _query(call, "folder", "name"))
        folder = self._folder(request)
        return self._thumbnail(_inside(folder.folder, request.name), call)

    def edit(self, call: Call) -> dict[str, Any]:
        request = build(requests.EditRequest, call.body)
        folder = self._folder(request)
        with self._editing:
            if request.action == "set":
                return self._changed(folder, self._set(folder, request))
            what, change = _change(request)
            return self._changed(folder, folder.edit(what, change, names=list(request.names) or None))

    def undo(self, call: Call) -> dict[str, Any]:
        folder = self._folder(build(requests.FolderRequest, call.body))
        with self._editing:
            what, notes = folder.undo()
        return {"undone": what, "notes": notes, "undo": folder.last_edit()}

    def exclude(self, call: Call) -> dict[str, Any]:
        request = build(requests.PictureRequest, call.body)
        folder = self._folder(request)
        with self._editing:
            folder.exclude(request.name)
        return {"undo": folder.last_edit()}

    def restore(self, call: Call) -> dict[str, Any]:
        request = build(requests.PictureRequest, call.body)
        folder = self._folder(request)
        with self._editing:
            folder.restore(request.name)
        return {"undo": folder.last_edit()}

    def mask(self, call: Call) -> Content:
        """The mask of a picture, grey; of one without, its alpha channel, else all white."""
        from ..prepare.drawn_masks import shown_mask

        request = build(requests.PictureRequest, _query(call, "folder", "name", "recursive"))
        folder = self._folder(request)
        mask = shown_mask(folder.folder, _picture_named(folder, request.name), _side(call))
        return Content(data=_encoded(mask, "PNG"), media_type="image/png")

    def set_mask(self, call: Call) -> dict[str, Any]:
        from ..prepare.drawn_masks import save_mask

        request = build(requests.MaskRequest, call.body)
        folder = self._folder(request)
        try:
            png = base64.b64decode(request.png, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError("The mask is not in Base64.", field="png") from error
        with self._editing:
            name = save_mask(folder.folder, _picture_named(folder, request.name), png)
        return {"mask": name}

    def check(self, call: Call) -> dict[str, Any]:
        from ..prepare.check import check_folder

        request = build(requests.CheckRequest, call.body)
        self._check_paths(request, ("folder",))
        if request.template.strip():
            self._access.check_path(request.template, field="template")
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
            "problem": each.problem,
            "tokens": tokens,
        }

    def _folder(self, request: Any) -> TrainingFolder:
        self._check_paths(request, ("folder",))
        return TrainingFolder(Path(request.folder.strip().strip('"')).resolve(), recursive=request.recursive)

    def _check_paths(self, request: Any, names: tuple[str, ...]) -> None:
        """Every path of a request; what may be left empty only where it is given."""
        for name in names:
            self._access.check_path(getattr(request, name), field=name)
        for name in _OPTIONAL_PATHS:
            if text := getattr(request, name, ""):
                self._access.check_path(text, field=name)

    def _thumbnail(self, path: Path, call: Call) -> Content:
        """A link inside the folder may lead out of it: what it leads to is checked as well."""
        self._access.check_path(str(path), field="name")
        image = open_picture(path).rgb
        image.thumbnail((_side(call), _side(call)))
        return Content(data=_encoded(image, "JPEG"), media_type="image/jpeg")


def prepare_api(manager: RunManager, access: Access, preparations: Preparations) -> PrepareApi:
    """With the captioning models and the tokenizer of the manager's host, where it has them."""
    host = manager.host

    def models() -> CaptionModels:
        if isinstance(host, OffersCaptionModels):
            return host.caption_models
        from ..prepare.local_models import LocalModels

        return LocalModels()

    return PrepareApi(
        access,
        preparations,
        models=models,
        count_tokens=getattr(host, "count_tokens", None),
        template_dirs=host.template_dirs,
        native_size=lambda: host.native_size,
    )


def _query(call: Call, *names: str) -> dict[str, Any]:
    found: dict[str, Any] = {name: call.query[name] for name in names if name in call.query}
    if "recursive" in found:
        found["recursive"] = found["recursive"] == "true"
    return found


def _side(call: Call) -> int:
    text = call.query.get("size", "256")
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _LARGEST_THUMBNAIL):
        raise InputError(f"size: {text!r} is not a whole number from 1 to {_LARGEST_THUMBNAIL}.", field="size")
    return int(text)


def _inside(folder: Path, name: str) -> Path:
    """A path below the folder, however it is written. Raises InputError."""
    path = folder / name
    if not name or "\0" in name or not path.resolve().is_relative_to(folder) or not path.is_file():
        raise InputError(f"There is no picture called {name!r} in {folder}.", field="name")
    return path


def _picture_named(folder: TrainingFolder, name: str) -> Path:
    path = folder.picture(name)
    return _inside(folder.folder, path.relative_to(folder.folder).as_posix())


def _encoded(image: Image.Image, kind: str) -> bytes:
    with io.BytesIO() as file:
        image.save(file, kind, **({"quality": 85} if kind == "JPEG" else {}))
        return file.getvalue()


def _change(request: requests.EditRequest) -> tuple[str, Callable[[str], str]]:
    """What is done to each caption, in words and as a function."""
    if request.action == "replace":
        if not request.find:
            raise InputError("Nothing is given to search for.", field="find")
        return f"Replaced '{request.find}' by '{request.text}'", lambda text: replaced(text, request.find, request.text)
    if not request.text.strip():
        raise InputError("No tag is given.", field="text")
    if request.action == "add":
        return f"Added '{request.text}'", lambda text: with_tag(text, request.text, first=request.first)
    return f"Removed '{request.text}'", lambda text: without_tag(text, request.text)
