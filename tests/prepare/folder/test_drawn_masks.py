"""The page shows, saves and removes the mask that the trainer takes, whatever kind of file it is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from mixed_files import scene
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset.find import find_pictures
from textual_inversion.prepare.folder.drawn_masks import save_mask, shown_mask
from textual_inversion.prepare.folder.training_folder import TrainingFolder


def png(grey: int) -> bytes:
    data = io.BytesIO()
    Image.new("L", (40, 30), grey).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.b.png"
    scene((40, 30), 1).save(path)
    return path


def trained(folder: Path) -> Path | None:
    """The mask that training takes."""
    (found,) = find_pictures([str(folder)]).pictures
    return found.mask


def grey(folder: Path, picture: Path) -> int:
    return round(shown_mask(folder, picture, 100).getpixel((5, 5)), -1)


def test_a_mask_that_is_no_png_is_shown_replaced_and_removed(tmp_path: Path, picture: Path) -> None:
    jpg = tmp_path / "a.b_mask.jpg"
    Image.new("L", (40, 30), 100).save(jpg)
    assert trained(tmp_path) == jpg
    assert grey(tmp_path, picture) == 100
    assert TrainingFolder(tmp_path).pictures()[0].mask == jpg.name

    name = save_mask(tmp_path, picture, png(200))
    assert name == "a.b_mask.png"
    assert trained(tmp_path) == tmp_path / name
    assert grey(tmp_path, picture) == 200
    assert not jpg.exists(), "it would count before the .png"

    Image.new("L", (40, 30), 100).save(jpg)
    assert save_mask(tmp_path, picture, b"") == ""
    assert trained(tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.b.png"]


def test_capitals_and_other_endings(tmp_path: Path, picture: Path) -> None:
    scene((40, 30), 1).save(picture)
    Image.new("L", (40, 30), 50).save(tmp_path / "A.B-masklabel.PNG")
    assert trained(tmp_path) == tmp_path / "A.B-masklabel.PNG"
    assert grey(tmp_path, picture) == 50


def test_a_new_mask_of_a_picture_whose_name_has_a_dot(tmp_path: Path, picture: Path) -> None:
    assert save_mask(tmp_path, picture, png(10)) == "a.b_mask.png"
    assert save_mask(tmp_path, picture, b"") == ""
    assert save_mask(tmp_path, picture, png(10), graded=True) == "a.b_att.png"


def test_of_two_kinds_the_other_one_stays(tmp_path: Path, picture: Path) -> None:
    for ending in ("_att", "_mask"):
        Image.new("L", (40, 30), 50).save(tmp_path / f"a.b{ending}.png")
    assert trained(tmp_path) == tmp_path / "a.b_att.png"
    with pytest.raises(InputError, match="has an attention map, a.b_att.png"):
        save_mask(tmp_path, picture, png(1))
    save_mask(tmp_path, picture, b"")
    assert trained(tmp_path) == tmp_path / "a.b_mask.png"


def test_a_link_is_not_written_through(tmp_path: Path, picture: Path) -> None:
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    Image.new("L", (40, 30), 50).save(outside / "m.jpg")
    (tmp_path / "a.b_mask.jpg").symlink_to(outside / "m.jpg")
    with pytest.raises(InputError, match="a.b_mask.jpg is a link"):
        save_mask(tmp_path, picture, png(1))
    assert (outside / "m.jpg").exists()
