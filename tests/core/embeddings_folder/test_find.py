"""Finding an embedding by its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.find import find_embedding
from textual_inversion.core.formats import write_embedding


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_the_folder_itself_comes_before_those_below_it(tmp_path: Path) -> None:
    below = _file(tmp_path / "a" / "cat.pt")
    assert find_embedding(tmp_path, "cat") == below
    top = _file(tmp_path / "cat.safetensors")
    assert find_embedding(tmp_path, "cat") == top


def test_a_file_comes_before_a_picture_that_may_be_its_preview(tmp_path: Path) -> None:
    picture = _file(tmp_path / "cat.png")
    assert find_embedding(tmp_path, "cat") == picture
    below = _file(tmp_path / "animals" / "cat.pt")
    _file(tmp_path / "animals" / "cat.preview.png")
    assert find_embedding(tmp_path, "cat") == below


def test_endings_in_capitals_count(tmp_path: Path) -> None:
    path = _file(tmp_path / "cat.PT")
    assert find_embedding(tmp_path, "cat") == path


@pytest.mark.skipif(os.name == "nt", reason="links need rights of their own on Windows")
def test_links_are_followed_also_in_a_circle(tmp_path: Path) -> None:
    elsewhere = _file(tmp_path / "elsewhere" / "cat.pt")
    folder = tmp_path / "embeddings"
    folder.mkdir()
    (folder / "linked").symlink_to(elsewhere.parent)
    (folder / "circle").symlink_to(folder)
    assert find_embedding(folder, "cat") == folder / "linked" / "cat.pt"


@pytest.mark.parametrize("name", ["../cat", "cat/dog", "", "con"])
def test_names_that_could_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "embeddings"
    _file(tmp_path / "cat.pt")
    with pytest.raises(InputError) as caught:
        find_embedding(folder, name)
    assert caught.value.field == "name"


def test_an_unknown_name_points_to_create(tmp_path: Path) -> None:
    (tmp_path / "cat.pt").mkdir()
    with pytest.raises(InputError, match="There is no embedding called 'cat' in .*Make it first with create"):
        find_embedding(tmp_path, "cat")
    with pytest.raises(InputError, match="no embedding called 'cat'"):
        find_embedding(tmp_path / "missing", "cat")


@pytest.mark.parametrize("name", ["easynegative", "EASYNEGATIVE", "EasyNegative.pt"])
def test_a_name_that_is_nearly_right_is_told(tmp_path: Path, name: str) -> None:
    _file(tmp_path / "deep" / "EasyNegative.pt")
    with pytest.raises(InputError, match=f"no embedding called '{name}', but one called 'EasyNegative'. Write it so"):
        find_embedding(tmp_path, name)


@pytest.mark.parametrize("ending", [".pth", ".ckpt", ".pti", ".PTH"])
def test_an_ending_that_prompts_do_not_read_is_told(tmp_path: Path, ending: str) -> None:
    _file(tmp_path / f"cat{ending}")
    with pytest.raises(InputError, match=rf"cat{ending} lies in .* Give it the ending \.pt"):
        find_embedding(tmp_path, "cat")


def test_a_picture_is_found_by_the_name_in_it(tmp_path: Path) -> None:
    """Prompts go by that name, so training does."""
    picture = tmp_path / "download(1).png"
    write_embedding(Embedding(vectors={"*": torch.ones(1, 8)}, name="emb_1.5"), picture)
    assert find_embedding(tmp_path, "emb_1.5") == picture
    top = _file(tmp_path / "emb_1.5.pt")
    assert find_embedding(tmp_path, "emb_1.5") == top
