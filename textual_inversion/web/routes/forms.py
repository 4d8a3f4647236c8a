"""The routes that describe requests, so that pages draw their forms from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..described_form import described_form
from ..routing import Nothing, Routes, route, routes_in

Forms = dict[str, list[dict[str, Any]]]


class FormRoutes(Routes):
    """The forms of the routes in ``owners``, by the route that takes them in."""

    def __init__(self, owners: Sequence[Routes]) -> None:
        self._owners = owners

    @route(
        "GET",
        "/form",
        Nothing,
        answer="what `create`, `train`, `convert`, `queue` and `runs/…` can be asked (`runs/resume`, …): see below",
    )
    def runs(self, request: Nothing) -> Forms:
        own = self._forms("/")
        return {name: form for name, form in own.items() if not name.startswith(("embeddings/", "prepare/"))}

    @route("GET", "/embeddings/form", Nothing, answer="the same for `POST embeddings/…`: `rename`, `sheets`, …")
    def embeddings(self, request: Nothing) -> Forms:
        return self._forms("/embeddings/")

    @route("GET", "/prepare/form", Nothing, answer="the same for `POST prepare/…`: `start`, `caption`, `check`, …")
    def prepare(self, request: Nothing) -> Forms:
        return self._forms("/prepare/")

    def _forms(self, area: str) -> Forms:
        return {
            re.sub(r"\{\w+\}/", "", found.path.removeprefix(area)): described_form(
                found.request,
                owner.defaults(found.request),
                choices=owner.choices(found.request),
                skip=found.parts,
            )
            for owner in self._owners
            for _, found in routes_in(type(owner))
            if found.method == "POST" and found.path.startswith(area)
        }
