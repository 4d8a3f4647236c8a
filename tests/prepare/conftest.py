"""Small folders, and models that write what they are told to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from mixed_files import scene
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.captioning import SentenceRules


class FakeModels:
    """Implements ``CaptionModels``: sentences number the pictures they are about, tags are always the same."""

    def __init__(self, tags: dict[str, float] | None = None) -> None:
        self.tags = tags or {"1girl": 0.99, "long_hair": 0.8, "hat_(red)": 0.6, "rating:safe": 0.9, "faint": 0.4}
        self.batches: list[list[tuple[int, int]]] = []
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.rules: SentenceRules | None = None
        self._sentences = itertools.count()
        self.missing = ""
        self.defaults = {}

    @contextmanager
    def blip(self, rules: SentenceRules) -> Iterator[FakeModels]:
        self.rules = rules
        with self._open("blip"):
            yield self

    @contextmanager
    def deepbooru(self) -> Iterator[FakeModels]:
        with self._open("deepbooru"):
            yield self

    @contextmanager
    def _open(self, name: str) -> Iterator[None]:
        if self.missing == name:
            raise InputError(f"There is no {name} here.", field="tagger_file")
        self.opened.append(name)
        yield
        self.closed.append(name)

    def caption(self, pictures: Sequence[Image.Image]) -> list[str]:
        self.batches.append([picture.size for picture in pictures])
        return [f"sentence {next(self._sentences)}" for _ in pictures]

    def scores(self, pictures: Sequence[Image.Image]) -> list[dict[str, float]]:
        self.batches.append([picture.size for picture in pictures])
        return [dict(self.tags) for _ in pictures]


@pytest.fixture
def models() -> FakeModels:
    return FakeModels()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def photo(source: Path) -> Callable[..., Path]:
    """Writes a picture into the source folder, perhaps with a caption beside it."""

    def write(name: str, *, size: tuple[int, int] = (160, 120), seed: int = 0, caption: str | None = None) -> Path:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scene(size, seed or sum(name.encode())).save(path)
        if caption is not None:
            path.with_suffix(".txt").write_text(caption, encoding="utf-8")
        return path

    return write
