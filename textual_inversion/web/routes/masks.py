"""The routes of the masks that are drawn on the page."""

from __future__ import annotations

import base64
import binascii
import threading
from typing import Any

from ...core.base.errors import InputError
from ...core.model.host import LeaseRequest
from ...prepare.folder.drawn_masks import drawn_on, save_mask, shown_mask
from ...runs.errors import ConflictError
from ...runs.manager import RunManager
from ..content import Content
from ..folder_access import Folders, picture_named
from ..routing import Routes, route
from ..thumbnails import png
from . import prepare_requests as requests

MAX_MASK_BYTES = 8_000_000

Answer = dict[str, Any]


class MaskRoutes(Routes):
    """Routes of masks in ``folders``; the checkpoint of ``manager``'s host is asked for where it is needed."""

    def __init__(self, manager: RunManager, folders: Folders) -> None:
        self._manager, self._folders = manager, folders
        self._looking = threading.Lock()

    @route(
        "GET",
        "/prepare/mask",
        requests.ThumbnailRequest,
        answer="the mask of a picture, grey; of one without, its alpha channel, else white",
    )
    def mask(self, request: requests.ThumbnailRequest) -> Content:
        folder = self._folders.folder(request)
        return png(shown_mask(folder.folder, picture_named(folder, request.name), request.size))

    @route(
        "POST",
        "/prepare/mask",
        requests.MaskRequest,
        most=MAX_MASK_BYTES,
        answer="`mask`, its file. `png` is Base64 (empty: no mask); `graded`: an attention map, mid grey counts once, "
        "white five times",
    )
    def set_mask(self, request: requests.MaskRequest) -> Answer:
        folder, drawn = self._folders.folder(request), _decoded(request.png)
        with self._folders.changing:
            name = save_mask(folder.folder, picture_named(folder, request.name), drawn, graded=request.graded)
        return {"mask": name}

    @route(
        "POST",
        "/prepare/spread-mask",
        requests.SpreadRequest,
        most=MAX_MASK_BYTES,
        answer="`png`: what was drawn, spread over what looks alike by the checkpoint's VAE, at most 1024 pixels a side; "
        "nothing is written. 409 while a run has the model",
    )
    def spread_mask(self, request: requests.SpreadRequest) -> Answer:
        """One at a time: each waits for the model."""
        folder, png_bytes = self._folders.folder(request), _decoded(request.png)
        drawn = drawn_on(picture_named(folder, request.name), png_bytes)
        if not self._looking.acquire(blocking=False):
            raise ConflictError("Another picture is being looked at. Try again in a moment.")
        host = self._manager.host
        try:
            with self._manager.borrow(), host.lease(LeaseRequest()) as lease:
                spread = drawn.spread(lease, native_size=host.native_size)
        finally:
            self._looking.release()
        return {"png": base64.b64encode(spread).decode()}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("The mask is not in Base64.", field="png") from error
