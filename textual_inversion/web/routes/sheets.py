"""The routes of comparison sheets: saved steps of an embedding side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...core.base.options import option
from ...library.actions import Library
from ...library.sheet_plan import sheet_plan
from ...runs.manager import RunManager
from ...runs.sheet_request import SheetRequest
from ..access import Access
from ..content import Content
from ..routing import Nothing, Routes, route
from ..thumbnails import png

Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class OneSheetRequest:
    """A sheet that was begun."""

    sheet: str = option("", "Sheet", group="Sheet", help="Its id.")


class SheetRoutes(Routes):
    """Routes of the sheets of ``manager``; files have to pass ``access``."""

    def __init__(self, manager: RunManager, access: Access) -> None:
        self._manager = manager
        self._library = Library(manager, check_file=lambda path: access.check_path(str(path), field="file"))

    @route(
        "POST",
        "/embeddings/sheets",
        SheetRequest,
        status=202,
        answer="202 and `sheet`, its id: one picture of prompts and steps is being made",
    )
    def start(self, request: SheetRequest) -> Answer:
        plan = sheet_plan(self._library, request, log_dir=self._manager.log_dirs[0])
        return {"sheet": self._manager.sheets.start(plan)}

    @route("GET", "/embeddings/sheets", Nothing, answer="`sheets`: the newest")
    def newest(self, request: Nothing) -> Answer:
        newest = self._manager.sheets.newest()
        return {"sheets": [newest.describe()] if newest else []}

    @route("GET", "/embeddings/sheets/{sheet}", OneSheetRequest, answer="`state`, `done`, `total`, `message`, `path`")
    def state(self, request: OneSheetRequest) -> Answer:
        return self._manager.sheets.sheet(request.sheet).describe()

    @route("GET", "/embeddings/sheets/{sheet}/picture", OneSheetRequest, answer="the sheet as far as it is made")
    def picture(self, request: OneSheetRequest) -> Content:
        return png(self._manager.sheets.sheet(request.sheet).drawn())

    @route(
        "POST",
        "/embeddings/sheets/{sheet}/cancel",
        OneSheetRequest,
        answer="the sheet; it stops after the picture that is being made",
    )
    def cancel(self, request: OneSheetRequest) -> Answer:
        self._manager.sheets.cancel(request.sheet)
        return self.state(request)
