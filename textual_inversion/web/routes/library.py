"""The Library's routes, without HTTP."""

from __future__ import annotations

import io
import tempfile
import threading
import zipfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.base.errors import InputError
from ...core.base.options import build
from ...core.model.host import LeaseRequest
from ...library import requests
from ...runs.errors import ConflictError, UnknownRunError
from ...runs.manager import RunManager
from ...runs.sheet_request import SheetRequest
from ..access import Access
from ..content import Content
from ..uploads import uploaded
from .runs import Call

if TYPE_CHECKING:
    from ...library.actions import Library
    from ...library.listing import Shelf

_LARGEST_THUMBNAIL = 1024


class LibraryApi:
    """One method a route. Errors are UserErrors. What they need is imported with the first request, not while a web UI starts."""

    def __init__(self, manager: RunManager, access: Access) -> None:
        self._manager, self._access = manager, access
        self._looking = threading.Lock()

    @cached_property
    def _library(self) -> Library:
        from ...library.actions import Library

        def check_file(path: Path) -> Path:
            return self._access.check_path(str(path), field="file")

        return Library(self._manager, check_file=check_file)

    @property
    def _shelf(self) -> Shelf:
        return self._library.shelf

    def embeddings(self, call: Call) -> dict[str, Any]:
        from ...core.formats import FORMATS

        return {
            "embeddings": self._shelf.entries(),
            "formats": list(FORMATS),
            "trash": len(self._library.trash.items()),
        }

    def details(self, call: Call) -> dict[str, Any]:
        from ...core.formats import describe, read_embedding

        path, entry = self._shelf.find(call.query.get("file", ""))
        found = {} if "error" in entry else describe(read_embedding(path))
        known = {run["run_dir"]: run["id"] for run in self._manager.runs() if run.get("run_dir")}
        ids = {str(Path(folder).resolve()): run for folder, run in known.items()}
        runs = [run.to_mapping(called=str(entry["name"])) for run in self._library.runs_of(entry)]
        return {
            **entry,
            "path": str(path),
            "token": found.get("name"),
            "metadata": found.get("notes", {}),
            "figures": found.get("vectors", {}),
            "runs": [{**run, "shown_as": ids.get(run["folder"])} for run in runs],
        }

    def nearest(self, call: Call) -> dict[str, Any]:
        """Raises ConflictError while a run has the model."""
        from ...core.embeddings_folder.nearest_tokens import nearest_tokens
        from ...core.formats import read_embedding
        from ...core.update.norm_rules import mean_norm

        path, _ = self._shelf.find(call.query.get("file", ""))
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

    def picture(self, call: Call) -> Content:
        """The card's picture, or a preview of one of its runs, at most ``size`` pixels wide and high."""
        path, entry = self._shelf.find(call.query.get("file", ""))
        if run := call.query.get("run"):
            shown = self._library.run_of(entry, run).preview(call.query.get("picture", ""))
        else:
            shown = self._shelf.card_picture(path)
        if shown is None:
            raise UnknownRunError("This card has no picture.")
        return Content(data=_thumbnail(shown, call.query.get("size", "256")), media_type="image/jpeg", keep=True)

    def download(self, call: Call) -> Content:
        """The file as it is, or in the format asked for; several files come as a zip."""
        from ...core.formats import FORMATS, convert

        path, _ = self._shelf.find(call.query.get("file", ""))
        form = call.query.get("file_format", "")
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

    def card(self, call: Call) -> dict[str, Any]:
        return self._library.card(build(requests.CardRequest, call.body))

    def rename(self, call: Call) -> dict[str, Any]:
        return self._library.rename(build(requests.RenameRequest, call.body))

    def convert(self, call: Call) -> dict[str, Any]:
        return self._library.convert(build(requests.ConvertHereRequest, call.body))

    def set_picture(self, call: Call) -> dict[str, Any]:
        request = build(requests.PictureRequest, call.body)
        if request.run or not request.data:
            return self._library.picture(request, uploaded=None)
        with uploaded(request.data, name="picture") as picture:
            return self._library.picture(request, uploaded=picture)

    def extract(self, call: Call) -> dict[str, Any]:
        request = build(requests.ExtractRequest, call.body)
        if not request.data:
            source = self._access.check_path(request.source, field="source")
            return self._library.extract(source, name=request.name)
        with uploaded(request.data, name=request.data_name) as source:
            return self._library.extract(source, name=request.name)

    def combine(self, call: Call) -> dict[str, Any]:
        return self._library.combine(build(requests.CombineRequest, call.body))

    def delete(self, call: Call) -> dict[str, Any]:
        return self._library.delete(build(requests.DeleteRequest, call.body))

    def trash(self, call: Call) -> dict[str, Any]:
        return {
            "folder": str(self._library.trash.folder),
            "trash": [vars(item) for item in self._library.trash.items()],
        }

    def restore(self, call: Call) -> dict[str, Any]:
        return self._library.restore(build(requests.TrashRequest, call.body).id)

    def purge(self, call: Call) -> dict[str, Any]:
        self._library.trash.purge(build(requests.TrashRequest, call.body).id)
        return {"message": "Deleted for good.", "undo": []}

    def sheet(self, call: Call) -> dict[str, Any]:
        from ...library.sheet_plan import sheet_plan

        request = build(SheetRequest, call.body)
        plan = sheet_plan(self._library, request, log_dir=self._manager.log_dirs[0])
        return {"sheet": self._manager.sheets.start(plan)}

    def sheets(self, call: Call) -> dict[str, Any]:
        newest = self._manager.sheets.newest()
        return {"sheets": [newest.describe()] if newest else []}

    def sheet_state(self, call: Call) -> dict[str, Any]:
        return self._manager.sheets.sheet(call.path["sheet"]).describe()

    def sheet_picture(self, call: Call) -> Content:
        sheet = self._manager.sheets.sheet(call.path["sheet"])
        return Content(data=sheet.png(), media_type="image/png")

    def sheet_cancel(self, call: Call) -> dict[str, Any]:
        self._manager.sheets.cancel(call.path["sheet"])
        return self.sheet_state(call)


def _thumbnail(path: Path, size: str) -> bytes:
    """Raises InputError where the file is no picture."""
    from ...core.pictures.open import open_picture

    side = int(size) if size.isascii() and size.isdigit() and len(size) < 6 else 256
    image = open_picture(path).rgb
    image.thumbnail((min(side, _LARGEST_THUMBNAIL),) * 2)
    data = io.BytesIO()
    image.save(data, format="JPEG", quality=88)
    return data.getvalue()


def _zipped(files: list[Path], folder: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in files:
            archive.write(file, file.relative_to(folder).as_posix())
    return data.getvalue()
