"""A rename or a conversion that is killed at any moment loses nothing, and the same call again brings it to its end."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cut_short import cut_short
from library_world import LibraryWorld, make_library_world

from textual_inversion.core.embeddings_folder.card_file import read_user_metadata, update_user_metadata
from textual_inversion.core.formats import read_embedding

POSITIVE = {"pair": "positive", "partner": "cat-neg"}
NEGATIVE = {"pair": "negative", "partner": "cat"}


def single(folder: Path) -> LibraryWorld:
    folder.mkdir(exist_ok=True)
    world = make_library_world(folder)
    update_user_metadata(world.add(value=3.0), notes="mine")
    return world


def pair(folder: Path) -> LibraryWorld:
    folder.mkdir(exist_ok=True)
    world = make_library_world(folder)
    update_user_metadata(world.add(value=3.0, notes=POSITIVE), partner="cat-neg", notes="mine")
    update_user_metadata(world.add("cat-neg.pt", vectors=3, value=4.0, notes=NEGATIVE), negative=True)
    return world


def dreamt(folder: Path) -> LibraryWorld:
    """A pair by its names alone."""
    folder.mkdir(exist_ok=True)
    world = make_library_world(folder)
    world.add(value=3.0)
    world.add("cat-neg.pt", vectors=3, value=4.0)
    return world


def vectors(world: LibraryWorld) -> set[float]:
    """The values of all embeddings that prompts find; the files' names are those of their values."""
    found = [path for path in world.host.embeddings_dir.glob("*.*") if path.suffix in (".pt", ".safetensors")]
    assert all(len(set(read_embedding(path).vectors["*"].flatten().tolist())) == 1 for path in found)
    return {float(read_embedding(path).vectors["*"][0, 0]) for path in found}


@pytest.mark.parametrize("make", [single, pair, dreamt])
def test_a_rename(tmp_path: Path, make) -> None:
    whole = make(tmp_path / "whole")
    whole.done("rename", file="cat.pt", name="dog")
    expected = vectors(whole)
    for before in range(60):
        world = make(tmp_path / str(before))
        if not cut_short(lambda world=world: world.done("rename", file="cat.pt", name="dog"), before=before):
            break
        assert vectors(world) == expected, f"lost before operation {before}"
        if (world.host.embeddings_dir / "cat.pt").exists():
            world.done("rename", file="cat.pt", name="dog")
        assert [name for name in world.files if not name.startswith(".")] == whole.files, (
            f"cut before operation {before}"
        )
        for name in whole.files:
            if name.endswith(".pt"):
                here, there = (read_embedding(each.host.embeddings_dir / name) for each in (world, whole))
                assert (here.name, here.notes) == (there.name, there.notes), f"cut before operation {before}"
                assert torch.equal(here.vectors["*"], there.vectors["*"])
                cards = [read_user_metadata(each.host.embeddings_dir / name) for each in (world, whole)]
                assert cards[0] == cards[1]
    assert before > 4


@pytest.mark.parametrize(
    ("form", "name", "made"),
    [("kohya", "", "cat.safetensors"), ("ldm", "", "cat.pt"), ("safetensors", "dog", "dog.safetensors")],
)
def test_a_conversion_in_place_of_the_old_file(tmp_path: Path, form: str, name: str, made: str) -> None:
    body = {"file": "cat.pt", "file_format": form, "name": name, "replace": True}
    for before in range(40):
        world = single(tmp_path / str(before))
        if not cut_short(lambda world=world: world.done("convert", **body), before=before):
            break
        assert vectors(world) == {3.0}, f"prompts know it no more: cut before operation {before}"
        if (world.host.embeddings_dir / "cat.pt").exists():
            world.done("convert", **body)
        assert [file for file in world.files if file.endswith((".pt", ".safetensors"))] == [made]
        assert read_embedding(world.host.embeddings_dir / made).file_format == form
        assert len(world.get("/trash").json()["trash"]) >= 1
    assert before > 2


def test_another_embedding_of_that_name_is_left_alone(tmp_path: Path) -> None:
    world = single(tmp_path)
    world.add("dog.pt", value=9.0)
    assert world.refused("rename", file="cat.pt", name="dog")[1] == "'dog' is taken by dog.pt. Choose another name."
    world.add("cat.safetensors", value=9.0)
    body = {"file": "cat.pt", "file_format": "safetensors", "replace": True}
    assert "is taken by cat.safetensors" in world.refused("convert", **body)[1]


def test_a_conversion_that_cannot_be_written_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = single(tmp_path)
    before = world.files

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "x")

    from textual_inversion.core import formats

    with monkeypatch.context() as disk:
        disk.setattr(formats, "write_embedding", full)
        world.refused("convert", 400, file="cat.pt", file_format="ldm", replace=True)
    assert world.files == before
    assert world.get("/trash").json()["trash"] == []
