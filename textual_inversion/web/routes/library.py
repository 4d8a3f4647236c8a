"""The routes of the Library: the embeddings in the host's folder, what they hold, and what is done with them."""

from __future__ import annotations

import io
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.base.errors import InputError
from ...core.embeddings_folder.nearest_tokens import nearest_tokens
from ...core.formats import FORMATS, convert, describe, read_embedding
from ...core.model.host import LeaseRequest
from ...core.update.norm_rules import mean_norm
from ...library import requests
from ...library.actions import Library
from ...runs.errors import ConflictError, UnknownRunError
from ...runs.manager import RunManager
from ..access import Access
from ..content import Content
from ..routing import Nothing, Routes, route
from ..thumbnails import thumbnail
from ..uploads import MAX_UPLOAD_BYTES, uploaded

Answer = dict[str, Any]
_DONE = "`message`, `file`, `undo`"
_FORMATTED = (requests.ConvertHereRequest, requests.DownloadRequest)


class LibraryRoutes(Routes):
    """Routes of the embeddings of ``manager``'s host; files have to pass ``access``."""

    def __init__(self, manager: RunManager, access: Access) -> None:
        self._manager, self._access = manager, access
        self._library = Library(manager, check_file=lambda path: access.check_path(str(path), field="file"))
        self._looking = threading.Lock()

    def choices(self, request: type[Any]) -> Mapping[str, Mapping[str, str]]:
        """The formats that can be written."""
        return {"file_format": {name: name for name in FORMATS}} if request in _FORMATTED else {}

    @route(
        "GET",
        "/embeddings",
        Nothing,
        answer="`embeddings`: `name`, `file` (below the embeddings folder), `step`, `vectors`, `widths`, `kind`, "
        "`checkpoint`, `checkpoint_name`, `format`, `size`, `modified`, `picture`, `negative`, `description`, `notes`, "
        "`pair` (`positive`, `negative` or empty) and `partner`; or `error` for a file that cannot be read. `formats`: "
        "those that can be written. `trash`: how much lies there",
    )
    def embeddings(self, request: Nothing) -> Answer:
        return {
            "embeddings": self._library.shelf.entries(),
            "formats": list(FORMATS),
            "trash": len(self._library.trash.items()),
        }

    @route(
        "GET",
        "/embeddings/details",
        requests.FileRequest,
        answer="the list's entry with `path`, `token` (the name inside), `metadata`, `figures` (sums and norms), and "
        "`runs` that made it: `id`, `folder`, `steps`, `previews`",
    )
    def details(self, request: requests.FileRequest) -> Answer:
        path, entry = self._library.shelf.find(request.file)
        found = {} if "error" in entry else describe(read_embedding(path))
        listed = {run["id"] for run in self._manager.runs()}
        runs = [run.to_mapping(called=str(entry["name"])) for run in self._library.runs_of(entry)]
        return {
            **entry,
            "path": str(path),
            "token": found.get("name"),
            "metadata": found.get("notes", {}),
            "figures": found.get("vectors", {}),
            "runs": [{**run, "shown_as": run["id"] if run["id"] in listed else None} for run in runs],
        }

    @route(
        "GET",
        "/embeddings/nearest",
        requests.FileRequest,
        answer="`checkpoint`; for each of its `encoders` the tokens nearest to each vector, and the mean norm of all "
        "tokens. 409 while a run has the model",
    )
    def nearest(self, request: requests.FileRequest) -> Answer:
        path, _ = self._library.shelf.find(request.file)
        embedding = read_embedding(path)
        if not self._looking.acquire(blocking=False):
            raise ConflictError("Another embedding is being looked at. Try again in a moment.")
        try:
            with self._manager.borrow(), self._manager.host.lease(LeaseRequest()) as lease:
                widths = {key: encoder.width for key, encoder in lease.encoders.items()}
                encoders: dict[str, Any] = {}
                for key, rows in embedding.for_encoders(widths).items():
                    found = nearest_tokens(rows, lease.encoders[key])
                    encoders[key] = {
                        "mean_norm": mean_norm(lease.encoders[key].table()),
                        "nearest": [[vars(token) for token in tokens] for tokens in found],
                    }
                return {"checkpoint": lease.checkpoint.name, "encoders": encoders}
        finally:
            self._looking.release()

    @route(
        "GET",
        "/embeddings/picture",
        requests.CardPictureRequest,
        answer="the card's picture; with `run` and `picture` a preview of that run",
    )
    def picture(self, request: requests.CardPictureRequest) -> Content:
        path, entry = self._library.shelf.find(request.file)
        if request.run:
            shown = self._library.run_of(entry, request.run).preview(request.picture)
        else:
            shown = self._library.shelf.card_picture(path)
        if shown is None:
            raise UnknownRunError("This card has no picture.")
        return thumbnail(shown, request.size, keep=True)

    @route(
        "GET",
        "/embeddings/download",
        requests.DownloadRequest,
        answer="the file as it is, or converted (several files: a zip)",
    )
    def download(self, request: requests.DownloadRequest) -> Content:
        path, _ = self._library.shelf.find(request.file)
        form = request.file_format
        if not form:
            return Content(data=path.read_bytes(), media_type="application/octet-stream", file_name=path.name)
        if form not in FORMATS:
            raise InputError(f"Choose one of the formats: {', '.join(FORMATS)}.", field="file_format")
        with tempfile.TemporaryDirectory(prefix="textual-inversion-") as folder:
            target = Path(folder, path.stem + (FORMATS[form].suffixes or ("",))[0])
            files = convert(path, target, file_format=form)
            if len(files) == 1:
                data, name = files[0].read_bytes(), files[0].name
            else:
                data, name = _zipped(files, Path(folder)), f"{path.stem}.zip"
        return Content(data=data, media_type="application/octet-stream", file_name=name)

    @route("POST", "/embeddings/card", requests.CardRequest, answer=f"{_DONE}; what is not given stays")
    def card(self, request: requests.CardRequest) -> Answer:
        return self._library.card(request)

    @route("POST", "/embeddings/rename", requests.RenameRequest, answer=_DONE)
    def rename(self, request: requests.RenameRequest) -> Answer:
        return self._library.rename(request)

    @route(
        "POST",
        "/embeddings/convert",
        requests.ConvertHereRequest,
        answer=f"{_DONE}; with `replace` the old file goes to the trash",
    )
    def convert(self, request: requests.ConvertHereRequest) -> Answer:
        return self._library.convert(request)

    @route(
        "POST",
        "/embeddings/picture",
        requests.SetPictureRequest,
        most=MAX_UPLOAD_BYTES,
        answer=f"{_DONE}; `picture` is a preview of `run`, `data` a picture in Base64. Neither: no picture",
    )
    def set_picture(self, request: requests.SetPictureRequest) -> Answer:
        if request.run or not request.data:
            return self._library.picture(request, uploaded=None)
        with uploaded(request.data, name="picture") as picture:
            return self._library.picture(request, uploaded=picture)

    @route(
        "POST",
        "/embeddings/extract",
        requests.ExtractRequest,
        most=MAX_UPLOAD_BYTES,
        answer=f"{_DONE}; `source` is a path, or `data` the file in Base64 and `data_name` its name",
    )
    def extract(self, request: requests.ExtractRequest) -> Answer:
        if not request.data:
            source = self._access.check_path(request.source, field="source")
            return self._library.extract(source, name=request.name)
        with uploaded(request.data, name=request.data_name) as source:
            return self._library.extract(source, name=request.name)

    @route(
        "POST",
        "/embeddings/combine",
        requests.CombineRequest,
        answer=f"{_DONE}; `operation` is `scale`, `join`, `average` or `shorten`, `how` `first` or `mean`",
    )
    def combine(self, request: requests.CombineRequest) -> Answer:
        return self._library.combine(request)

    @route(
        "POST",
        "/embeddings/delete",
        requests.DeleteRequest,
        answer=f"{_DONE}; it is in the trash, `alone` without its card",
    )
    def delete(self, request: requests.DeleteRequest) -> Answer:
        return self._library.delete(request)

    @route("GET", "/embeddings/trash", Nothing, answer="`folder`; `trash`: `id`, `name`, `place`, `files`, `deleted`")
    def trash(self, request: Nothing) -> Answer:
        trash = self._library.trash
        return {"folder": str(trash.folder), "trash": [vars(item) for item in trash.items()]}

    @route("POST", "/embeddings/restore", requests.TrashRequest, answer=f"{_DONE}; it is back where it was")
    def restore(self, request: requests.TrashRequest) -> Answer:
        return self._library.restore(request.id)

    @route("POST", "/embeddings/purge", requests.TrashRequest, answer="`message`, `undo`; it is gone for good")
    def purge(self, request: requests.TrashRequest) -> Answer:
        self._library.trash.purge(request.id)
        return {"message": "Deleted for good.", "undo": []}


def _zipped(files: list[Path], folder: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in files:
            archive.write(file, file.relative_to(folder).as_posix())
    return data.getvalue()
