"""The page's scripts with places to draw into and a server that a test plays by hand: answers come when it wants them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "http://page.test/"
API = "textual-inversion/v1/"
_SOON = 5000


class ScriptedPage:
    """``places`` is the HTML that scripts draw into, ``scripts`` their order; ``answers`` is JSON by path, given at once.

    A path that has none is held: ``wait(path)`` gives its query once it was asked for, ``answer(path, …)`` answers the oldest.
    """

    def __init__(self, page: Any, places: str, *, scripts: list[Path] | None = None) -> None:
        self.page, self.answers = page, dict[str, Any]()
        self.asked: list[str] = []
        self._held: list[tuple[str, Any]] = []
        self._places = places
        self._scripts = scripts if scripts is not None else sorted((ROOT / "javascript").glob("*.js"))
        page.route(f"{ADDRESS}**", self._serve)
        page.scripted = self

    def open(self) -> None:
        self.page.goto(ADDRESS)

    def wait(self, path: str, *, count: int = 1) -> list[Mapping[str, str]]:
        """The queries of the held requests for ``path``, oldest first, once there are ``count``."""
        for _ in range(_SOON // 20):
            held = [_query(route) for asked, route in self._held if asked == path]
            if len(held) >= count:
                return held
            self.page.wait_for_timeout(20)
        raise AssertionError(f"{path} was not asked for {count} times; asked: {self.asked}")

    def answer(self, path: str, content: Any, *, at: int = 0) -> None:
        """Answer the held request number ``at`` for ``path``, and let the page take it in."""
        held = [each for each in self._held if each[0] == path][at]
        self._held.remove(held)
        held[1].fulfill(json=content)
        self.page.wait_for_timeout(200)

    def leave(self) -> None:
        """Nothing is answered any more."""
        for _, route in self._held:
            route.abort()
        self.page.unroute_all(behavior="ignoreErrors")
        self.page.context.close()

    def _serve(self, route: Any) -> None:
        path = urlsplit(route.request.url).path.removeprefix("/")
        if path == "":
            route.fulfill(body=self._html(), content_type="text/html")
            return
        path = path.removeprefix(API)
        self.asked.append(path)
        if path in self.answers:
            route.fulfill(json=self.answers[path])
        elif path.endswith("picture"):
            route.fulfill(body=_PICTURE, content_type="image/png")
        else:
            self._held.append((path, route))

    def _html(self) -> str:
        scripts = "".join(f"<script>{path.read_text(encoding='utf-8')}</script>" for path in self._scripts)
        return f'<!doctype html><meta charset="utf-8"><body class="ti-page">{self._places}{scripts}</body>'


def place(name: str, **data: str) -> str:
    """An empty place for a panel."""
    more = "".join(f' data-{key}="{value}"' for key, value in data.items())
    return f'<div class="ti-panel" data-ti-{name} data-api="{API}"{more}></div>'


def field(name: str, **described: Any) -> dict[str, Any]:
    """A field as ``described_form`` describes it."""
    plain = {"label": name, "help": "", "group": "G", "advanced": False, "kind": "text", "value": "", "low": None}
    return {
        **plain,
        "high": None,
        "step": None,
        "optional": False,
        "choices": [],
        "words": {},
        "name": name,
        **described,
    }


def _query(route: Any) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(route.request.url).query).items()}


def _one_pixel() -> bytes:
    from io import BytesIO

    data = BytesIO()
    Image.new("RGB", (8, 8)).save(data, format="PNG")
    return data.getvalue()


_PICTURE = _one_pixel()
