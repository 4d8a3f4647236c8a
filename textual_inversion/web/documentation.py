"""The tables of routes in docs/http.md, made from the routes: ``python -m textual_inversion.web.documentation`` writes them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .routes.table import AREAS
from .routing import Route, routes_in

PAGE = Path(__file__).resolve().parents[2] / "docs" / "http.md"
_MARKED = re.compile(r"(<!-- routes: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with its tables made anew. A table stands between ``<!-- routes: AREA -->`` and ``<!-- end -->``."""
    return _MARKED.sub(lambda match: f"{match[1]}{table(match[2])}{match[3]}", page)


def table(area: str) -> str:
    """The routes whose path begins with ``area``; ``runs`` are those of no other area."""
    lines = [f"| `{_address(each)}` | {_fields(each)} | {each.answer} |" for each in _routes() if _area(each) == area]
    return "\n".join(["", "| Route | Fields | Answer |", "|---|---|---|", *lines, "", ""])


def _routes() -> Iterator[Route]:
    for owner in AREAS:
        yield from (found for _, found in routes_in(owner))


def _area(route: Route) -> str:
    first = route.path.split("/")[1]
    return first if first in ("embeddings", "prepare") else "runs"


def _address(route: Route) -> str:
    path = re.sub(r"\{(\w+)\}", lambda part: part[1].upper(), route.path[1:])
    return f"{route.method} {path}"


def _fields(route: Route) -> str:
    names: Iterable[str] = (field.name for field in dataclasses.fields(route.request))
    return route.fields or ", ".join(f"`{name}`" for name in names if name not in route.parts)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
