from __future__ import annotations

import dataclasses
import re

from starlette.applications import Starlette
from starlette.testclient import TestClient

from textual_inversion.core.base.options import options_of
from textual_inversion.runs.manager import RunManager
from textual_inversion.web.app import PREFIX, mount
from textual_inversion.web.documentation import PAGE, table, with_tables
from textual_inversion.web.routes.table import AREAS
from textual_inversion.web.routing import routes_in


def test_the_tables_are_those_of_the_routes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), "write them: python -m textual_inversion.web.documentation"


def test_every_route_is_in_a_table() -> None:
    routes = [found for owner in AREAS for _, found in routes_in(owner)]
    lines = [line for area in ("runs", "embeddings", "prepare") for line in table(area).splitlines()]
    assert len([line for line in lines if line.startswith("| `")]) == len(routes) > 50
    assert len({(found.method, found.path) for found in routes}) == len(routes)
    assert all(found.answer for found in routes)
    page = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- routes: (\w+) -->", page)) == {"runs", "embeddings", "prepare"}


def test_every_field_of_a_request_has_a_label_and_a_help() -> None:
    """Pages draw their forms from them, and write none of their own."""
    for owner in AREAS:
        for _, found in routes_in(owner):
            options = options_of(found.request)
            assert list(options) == [field.name for field in dataclasses.fields(found.request)], found.path
            assert all(option.label and option.help for option in options.values()), found.path


def test_the_forms_of_every_area_are_served(manager: RunManager) -> None:
    app = Starlette()
    mount(app, manager)
    client = TestClient(app, base_url="http://localhost" + PREFIX + "/")
    runs, embeddings, prepare = (client.get(f"{area}form").json() for area in ("", "embeddings/", "prepare/"))
    assert {"create", "train", "convert", "queue", "runs/resume", "runs/use"} <= set(runs)
    assert set(embeddings) == {
        *("card", "rename", "convert", "picture", "extract", "combine", "delete", "restore", "purge", "sheets"),
        "sheets/cancel",
    }
    assert {"start", "preview", "caption", "check", "edit", "mask", "spread-mask", "undo"} <= set(prepare)
    assert [field["name"] for field in runs["runs/resume"]] == ["steps", "from_step"], "the run is in the address"
    formats = next(field for field in embeddings["convert"] if field["name"] == "file_format")
    assert (formats["kind"], formats["choices"][0]) == ("choice", "a1111")
    width = next(field for field in prepare["start"] if field["name"] == "width")
    assert width["value"] == 64, "this host's own size"
