"""The routes of the masks that are drawn on the page, without HTTP."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ...core.base.errors import InputError
from ...core.base.options import build
from ...core.model.host import Lease, LeaseRequest
from ...prepare.folder.drawn_masks import drawn_on, save_mask, shown_mask
from ...runs.errors import ConflictError
from ...runs.manager import RunManager
from ..content import Content
from ..folder_access import Folders, asked, encoded, picture_named, thumbnail_side
from . import prepare_requests as requests
from .runs import Call

BorrowModel = Callable[[], AbstractContextManager[Lease]]


class MaskApi:
    """One method a route. Errors are UserErrors. ``borrow_model`` is asked for where the checkpoint is needed."""

    def __init__(self, folders: Folders, *, borrow_model: BorrowModel, native_size: Callable[[], int]) -> None:
        self._folders, self._borrow_model, self._native_size = folders, borrow_model, native_size
        self._looking = threading.Lock()

    def mask(self, call: Call) -> Content:
        """The mask of a picture, grey; of one without, its alpha channel, else all white."""
        request = build(requests.PictureRequest, asked(call, "folder", "name", "recursive"))
        folder = self._folders.folder(request)
        mask = shown_mask(folder.folder, picture_named(folder, request.name), thumbnail_side(call))
        return Content(data=encoded(mask, "PNG"), media_type="image/png")

    def set_mask(self, call: Call) -> dict[str, Any]:
        request = build(requests.MaskRequest, call.body)
        folder, png = self._folders.folder(request), _decoded(request.png)
        with self._folders.changing:
            name = save_mask(folder.folder, picture_named(folder, request.name), png, graded=request.graded)
        return {"mask": name}

    def spread_mask(self, call: Call) -> dict[str, Any]:
        """Spread what was drawn over what looks alike; nothing is written. One at a time: each waits for the model."""
        request = build(requests.SpreadRequest, call.body)
        folder, png = self._folders.folder(request), _decoded(request.png)
        drawn = drawn_on(picture_named(folder, request.name), png)
        if not self._looking.acquire(blocking=False):
            raise ConflictError("Another picture is being looked at. Try again in a moment.")
        try:
            with self._borrow_model() as lease:
                spread = drawn.spread(lease, native_size=self._native_size())
        finally:
            self._looking.release()
        return {"png": base64.b64encode(spread).decode()}


def mask_api(manager: RunManager, folders: Folders) -> MaskApi:
    """With the model of the manager's host."""
    host = manager.host

    @contextmanager
    def borrow_model() -> Iterator[Lease]:
        with manager.borrow(), host.lease(LeaseRequest()) as lease:
            yield lease

    return MaskApi(folders, borrow_model=borrow_model, native_size=lambda: host.native_size)


def _decoded(png: str) -> bytes:
    try:
        return base64.b64decode(png, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("The mask is not in Base64.", field="png") from error
