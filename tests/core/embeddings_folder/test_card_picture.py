"""The picture on a card: a run's own is replaced by its next, a person's never."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embeddings_folder.card_picture import (
    card_picture,
    preview_path,
    set_card_picture,
    write_run_picture,
)


@pytest.fixture
def embedding(tmp_path: Path) -> Path:
    folder = tmp_path / "embeddings"
    folder.mkdir()
    return folder / "my.thing.pt"


@pytest.fixture
def preview(tmp_path: Path) -> Path:
    return _picture(tmp_path / "one.png", "red")


def _picture(path: Path, colour: str) -> Path:
    note = PngInfo()
    note.add_text("parameters", f"a {colour} thing\nSteps: 3")
    Image.new("RGB", (8, 8), colour).save(path, **({"pnginfo": note} if path.suffix == ".png" else {}))
    return path


def _colour(path: Path) -> object:
    return Image.open(path).convert("RGB").getpixel((0, 0))


def test_a_run_leaves_its_picture_with_its_parameters(embedding: Path, preview: Path) -> None:
    path = write_run_picture(embedding, preview)
    assert path == preview_path(embedding) == card_picture(embedding)
    assert path.name == "my.thing.preview.png"
    assert Image.open(path).info["parameters"] == "a red thing\nSteps: 3"


def test_the_next_run_replaces_it(embedding: Path, preview: Path, tmp_path: Path) -> None:
    write_run_picture(embedding, preview)
    assert write_run_picture(embedding, _picture(tmp_path / "two.png", "blue"))
    assert _colour(preview_path(embedding)) == (0, 0, 255)


@pytest.mark.parametrize("name", ["my.thing.preview.png", "my.thing.preview.jpg", "my.thing.png"])
def test_a_persons_picture_stays(embedding: Path, preview: Path, name: str) -> None:
    theirs = _picture(embedding.with_name(name), "green")
    before = theirs.read_bytes()
    assert write_run_picture(embedding, preview) is None
    assert theirs.read_bytes() == before
    assert [path.name for path in embedding.parent.iterdir()] == [name]


def test_one_that_a_person_painted_over_is_theirs(embedding: Path, preview: Path) -> None:
    path = write_run_picture(embedding, preview)
    assert path
    with Image.open(path) as image:
        notes = PngInfo()
        for key, value in image.info.items():
            notes.add_text(key, value)
        image.putpixel((3, 3), (0, 0, 0))
        image.save(path, pnginfo=notes)
    assert write_run_picture(embedding, preview) is None


def test_a_broken_one_is_not_ours(embedding: Path, preview: Path) -> None:
    preview_path(embedding).write_bytes(b"no picture")
    assert write_run_picture(embedding, preview) is None


def test_a_chosen_one_takes_the_place_of_all_others_and_stays(embedding: Path, preview: Path, tmp_path: Path) -> None:
    _picture(embedding.with_name("my.thing.preview.jpg"), "green")
    set_card_picture(embedding, _picture(tmp_path / "chosen.jpg", "blue"))
    assert [path.name for path in embedding.parent.iterdir()] == ["my.thing.preview.png"]
    assert write_run_picture(embedding, preview) is None
    with pytest.raises(InputError, match="cannot be read as a picture"):
        set_card_picture(embedding, Path(__file__))
