"""Routes as methods: a decorator says where a method answers, and which request it takes.

A request is a frozen dataclass; its fields come from the parts of the path in braces, and from the JSON body (POST) or from what
stands behind the question mark (GET).
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ..core.base.errors import InputError
from ..core.base.options import build
from ..runs.errors import UnknownRunError
from .content import Content

Method = Literal["GET", "POST"]
Answer = Mapping[str, Any] | Content
Api = TypeVar("Api", bound="Routes")
Asked = TypeVar("Asked")
Result = TypeVar("Result", bound="Mapping[str, Any] | Content")
Handler = Callable[[Api, Asked], Result]

MAX_BODY_BYTES = 1_000_000
_ATTRIBUTE = "_route"
_LONGEST_NUMBER = 16
"""Digits; a browser's numbers are exact to so many."""


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """A request without fields."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Place where one method answers. ``most``: bytes that its body may have. ``fields`` and ``answer`` are words for the documentation."""

    method: Method
    path: str
    request: type[Any]
    status: int = 200
    most: int = MAX_BODY_BYTES
    fields: str = ""
    answer: str = ""

    @property
    def parts(self) -> list[str]:
        """The fields that stand in the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def match(self, path: str) -> dict[str, str] | None:
        """The fields that ``path`` gives; None where it is another route's."""
        wanted, given = self.path.split("/"), path.split("/")
        if len(wanted) != len(given):
            return None
        found: dict[str, str] = {}
        for part, text in zip(wanted, given, strict=True):
            if part.startswith("{") and text:
                found[part[1:-1]] = text
            elif part != text:
                return None
        return found


def route(
    method: Method,
    path: str,
    request: type[Asked],
    *,
    status: int = 200,
    most: int = MAX_BODY_BYTES,
    fields: str = "",
    answer: str = "",
) -> Callable[[Handler[Api, Asked, Result]], Handler[Api, Asked, Result]]:
    """Mark a method of a ``Routes`` class as what answers ``method path``; arguments as in ``Route``."""
    described = Route(method=method, path=path, request=request, status=status, most=most, fields=fields, answer=answer)

    def mark(handler: Handler[Api, Asked, Result]) -> Handler[Api, Asked, Result]:
        setattr(handler, _ATTRIBUTE, described)
        return handler

    return mark


class Routes:
    """Base of a class whose methods are routes. Errors are UserErrors, with ``status`` where it is not 400."""

    def defaults(self, request: type[Any]) -> Mapping[str, Any]:
        """Values of a request's fields on this host, where they are not the class's own."""
        return {}

    def choices(self, request: type[Any]) -> Mapping[str, Mapping[str, str]]:
        """Choices of text fields that only the host knows: for each field its values and the words for them."""
        return {}


@dataclass(frozen=True)
class Bound:
    """A route of an object."""

    route: Route
    owner: Routes
    handler: Callable[[Any], Answer]

    def answer(self, path: Mapping[str, str], given: Mapping[str, Any]) -> Answer:
        """Build the request and call the method. Raises InputError beside the field that is refused."""
        if double := sorted(path.keys() & given.keys()):
            raise InputError(f"{double[0]!r} is part of the address; it cannot be given twice.", field=double[0])
        texts = {**path, **given} if self.route.method == "GET" else path
        body = {} if self.route.method == "GET" else given
        asked = self.route.request
        values = {**self.owner.defaults(asked), **body, **_read(asked, texts)}
        return self.handler(build(asked, values))


def routes_in(owner: type[Routes]) -> Iterator[tuple[str, Route]]:
    """The routes of a class by method name, in the order of their definition."""
    for kind in reversed(owner.__mro__):
        for name, member in vars(kind).items():
            if isinstance(found := getattr(member, _ATTRIBUTE, None), Route):
                yield name, found


class RouteTable:
    """All routes of some objects."""

    def __init__(self, owners: Iterable[Routes]) -> None:
        self.bound = [
            Bound(found, owner, getattr(owner, name)) for owner in owners for name, found in routes_in(type(owner))
        ]

    def find(self, method: str, path: str) -> tuple[Bound, dict[str, str]]:
        """The route, and the fields in its path; of two that fit the one that comes first. Raises UnknownRunError."""
        wanted = "GET" if method == "HEAD" else method
        for bound in self.bound:
            if bound.route.method == wanted and (parts := bound.route.match(path)) is not None:
                return bound, parts
        raise UnknownRunError(
            "There is nothing at this address, or not by this method. The routes are listed in docs/http.md."
        )


def _read(request: type[Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Texts of an address as the values that the fields of ``request`` want; what is none stays a text, and is refused.

    Other names are passed over: proxies and caches put theirs into addresses.
    """
    hints = typing.get_type_hints(request)
    return {name: _value(hints[name], text) for name, text in texts.items() if name in hints}


def _value(hint: Any, text: str) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if hint is int and text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER:
        return int(text)
    if hint is bool and text in ("true", "false"):
        return text == "true"
    return text
