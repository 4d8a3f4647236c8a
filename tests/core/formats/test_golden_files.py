"""Files that other tools made, read to the figures that were taken when they were made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from format_samples import GOLDEN, about, same_vectors

from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.core.formats import describe, read_embedding, write_embedding

pytestmark = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason="the golden files lie beside the repository, and are absent"
)

EXPECTED = json.loads((GOLDEN / "expected.json").read_text()) if GOLDEN.is_dir() else {}
READABLE = sorted(name for name, figures in EXPECTED.items() if "vectors" in figures)


@pytest.fixture
def golden(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "golden"
    folder.mkdir()
    return Path(shutil.copy(GOLDEN / request.param, folder))


def _check(path: Path, figures: dict[str, object]) -> None:
    found = describe(read_embedding(path))
    assert (found["name"], found["step"]) == (figures["name"], figures["step"])
    wanted, vectors = figures["vectors"], found["vectors"]
    assert set(vectors) == set(wanted)
    for encoder, numbers in wanted.items():
        for key in ("shape", "first", "last"):
            assert vectors[encoder][key] == numbers[key], key
        assert vectors[encoder]["sum"] == pytest.approx(numbers["sum"], abs=1e-9)
        assert len(vectors[encoder]["norms"]) == numbers["shape"][0]


@pytest.mark.parametrize("golden", READABLE, indirect=True)
def test_is_read_to_its_figures_and_written_back(golden: Path, tmp_path: Path) -> None:
    _check(golden, EXPECTED[golden.name])
    embedding = read_embedding(golden)
    copy = tmp_path / "again" / golden.name
    write_embedding(embedding, copy, file_format=embedding.file_format)
    _check(copy, EXPECTED[golden.name])
    assert about(read_embedding(copy)) == about(embedding)
    assert read_embedding(copy).file_format == embedding.file_format


@pytest.mark.parametrize("golden", READABLE, indirect=True)
def test_the_extension_may_lie(golden: Path) -> None:
    figures = EXPECTED[golden.name]
    liar = golden.rename(golden.with_name("photo.jpg"))
    _check(liar, figures)


@pytest.mark.parametrize("golden", READABLE, indirect=True)
def test_a_cut_off_file_gets_a_sentence(golden: Path) -> None:
    """At every tenth of its length; a picture whose chunk comes first may still be read, and then exactly."""
    data, whole = golden.read_bytes(), read_embedding(golden)
    for tenth in range(10):
        golden.write_bytes(data[: len(data) * tenth // 10])
        found, message = None, str(golden)
        try:
            found = read_embedding(golden)
        except FileFormatError as error:
            message = error.message
        assert str(golden) in message
        assert found is None or (golden.suffix == ".png" and same_vectors(found, whole))


@pytest.mark.parametrize("golden", ["plain-preview.png"] if EXPECTED else [], indirect=True)
def test_a_plain_picture_is_no_embedding(golden: Path) -> None:
    with pytest.raises(FileFormatError, match="a picture without an embedding"):
        read_embedding(golden)
