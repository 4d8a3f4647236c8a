from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.rename import former_names, own_companions, rename_embedding
from textual_inversion.core.formats import read_embedding, write_embedding

EMBEDDING = Embedding(vectors={"*": torch.randn(2, 768)}, name="cat", step=7, checkpoint_hash="0123456789")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("file", ["cat.pt", "cat.safetensors", "cat.bin", "cat.png"])
def test_file_name_inside_and_card(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    write_embedding(EMBEDDING, path)
    (tmp_path / "cat.preview.png").write_bytes(b"picture")
    (tmp_path / "cat.json").write_text(json.dumps({"notes": "mine"}))
    (tmp_path / "catty.json").write_text("{}")
    new = rename_embedding(path, "my kitten")
    assert new == path.with_name("my kitten" + path.suffix)
    assert names(tmp_path) == sorted(["catty.json", "my kitten.json", "my kitten.preview.png", new.name])
    read = read_embedding(new)
    assert (read.name, read.step) == ("my kitten", None if file == "cat.bin" else 7)
    assert torch.equal(read.vectors["*"], EMBEDDING.vectors["*"])


def test_the_names_it_had_are_kept_until_it_has_them_again(tmp_path: Path) -> None:
    path = tmp_path / "cat.pt"
    write_embedding(EMBEDDING, path)
    for name, former in (("dog", ["cat"]), ("cow", ["cat", "dog"]), ("dog", ["cat"]), ("cat", [])):
        path = rename_embedding(path, name)
        assert former_names(read_embedding(path).notes) == former


def test_a_downloaded_name_inside_stays(tmp_path: Path) -> None:
    path = tmp_path / "download.pt"
    write_embedding(EMBEDDING, path)
    before = path.read_bytes()
    assert rename_embedding(path, "nice").read_bytes() == before


def test_a_name_of_pixels_alone_gets_a_text(tmp_path: Path) -> None:
    golden = tmp_path / "cat.png"
    write_embedding(EMBEDDING, golden)
    with Image.open(golden) as image:
        image.load()
        image.info.clear()
        image.save(golden)
    assert read_embedding(rename_embedding(golden, "dog")).name == "dog"


@pytest.mark.parametrize(
    ("name", "words"),
    [("cat", "called 'cat' already"), ("../dog", "cannot be the name"), ("taken", "a file called"), ("", "is empty")],
)
def test_refused_and_nothing_changed(tmp_path: Path, name: str, words: str) -> None:
    write_embedding(EMBEDDING, tmp_path / "cat.pt")
    (tmp_path / "cat.json").write_text("{}")
    (tmp_path / "taken.json").write_text("{}")
    before = names(tmp_path)
    with pytest.raises(InputError, match=words):
        rename_embedding(tmp_path / "cat.pt", name)
    assert names(tmp_path) == before


def test_what_two_share_stays(tmp_path: Path) -> None:
    for file in ("cat.pt", "cat.safetensors"):
        write_embedding(EMBEDDING, tmp_path / file)
    (tmp_path / "cat.json").write_text("{}")
    rename_embedding(tmp_path / "cat.pt", "dog")
    assert names(tmp_path) == ["cat.json", "cat.safetensors", "dog.pt"]


def test_a_picture_that_is_an_embedding_is_no_companion(tmp_path: Path) -> None:
    write_embedding(EMBEDDING, tmp_path / "cat.pt")
    write_embedding(EMBEDDING, tmp_path / "cat.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "cat.jpg")
    assert [path.name for path in own_companions(tmp_path / "cat.pt")] == ["cat.jpg"]


def test_halves_and_pixels_are_refused(tmp_path: Path) -> None:
    pair = Embedding(vectors={"clip_l": torch.ones(1, 768), "clip_g": torch.ones(1, 1280)}, name="<x>")
    write_embedding(pair, tmp_path / "learned_embeds.safetensors", file_format="diffusers")
    with pytest.raises(InputError, match="one of two files"):
        rename_embedding(tmp_path / "learned_embeds.safetensors", "dog")
    write_embedding(EMBEDDING, tmp_path / "cat.webp")
    with pytest.raises(InputError, match="hidden in its pixels"):
        rename_embedding(tmp_path / "cat.webp", "dog")
