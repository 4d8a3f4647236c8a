"""Pairs in the Library: what is done to one half is done to both, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from library_world import LibraryWorld, make_library_world

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.card_file import update_user_metadata
from textual_inversion.core.formats import read_embedding, write_embedding

POSITIVE: dict[str, Any] = {"notes": {"pair": "positive", "partner": "cat-neg", "guidance_scale": "3"}}
NEGATIVE: dict[str, Any] = {"notes": {"pair": "negative", "partner": "cat", "guidance_scale": "3"}}


@pytest.fixture
def world(tmp_path: Path) -> LibraryWorld:
    world = make_library_world(tmp_path)
    update_user_metadata(world.add(**POSITIVE), partner="cat-neg", notes="mine")
    update_user_metadata(world.add("cat-neg.pt", vectors=3, **NEGATIVE), negative=True)
    return world


BOTH = ["cat-neg.json", "cat-neg.pt", "cat.json", "cat.pt"]


def test_renamed_together_and_back(world: LibraryWorld) -> None:
    answer = world.done("rename", file="cat.pt", name="kitten")
    assert answer["message"] == "cat is called kitten now, and its negative half kitten-neg."
    assert world.files == ["kitten-neg.json", "kitten-neg.pt", "kitten.json", "kitten.pt"]
    assert [path.name for path in world.host.published] == ["kitten.pt", "kitten-neg.pt"]
    world.undo(answer)
    assert world.files == BOTH
    assert read_embedding(world.host.embeddings_dir / "cat.pt").notes["partner"] == "cat-neg"
    assert read_embedding(world.host.embeddings_dir / "cat-neg.pt").notes["partner"] == "cat"


def test_a_name_whose_negative_half_is_taken(world: LibraryWorld) -> None:
    world.add("below/kitten-neg.pt")
    refused = world.refused("rename", file="cat.pt", name="kitten")
    assert refused == ("name", "'kitten-neg' is taken by below/kitten-neg.pt. Choose another name.")
    assert {*BOTH} < {*world.files}


def test_deleted_and_restored_together(world: LibraryWorld) -> None:
    answer = world.done("delete", file="cat.pt")
    assert answer["message"] == "cat and cat-neg are in the trash."
    assert world.files == []
    assert len(world.get("/trash").json()["trash"]) == 1
    world.host.published.clear()
    (undo,) = answer["undo"]
    assert world.done("restore", **undo["body"])["message"] == "cat and cat-neg are back."
    assert world.files == BOTH
    assert [path.name for path in world.host.published] == ["cat.pt", "cat-neg.pt"]


def test_the_negative_half_alone_is_refused(world: LibraryWorld) -> None:
    for route, action in (("delete", "Delete"), ("rename", "Rename")):
        more = {"name": "dog"} if route == "rename" else {}
        told = world.refused(route, file="cat-neg.pt", **more)[1]
        assert told == f"cat-neg is the negative half of the pair cat. {action} cat: both halves go together."
    assert world.files == BOTH


def test_a_pair_by_its_names_alone(world: LibraryWorld) -> None:
    world.add("dream.pt")
    world.add("dream-neg.pt")
    world.add("alone-neg.pt")
    told = {entry["name"]: (entry["pair"], entry["partner"]) for entry in world.get("").json()["embeddings"]}
    assert told == {
        "alone-neg": ("", ""),
        "cat": ("positive", "cat-neg"), "cat-neg": ("negative", "cat"),
        "dream": ("positive", "dream-neg"), "dream-neg": ("negative", "dream"),
    }  # fmt: skip
    world.done("rename", file="dream.pt", name="artist")
    assert {"artist.pt", "artist-neg.pt"} < {*world.files}
    assert read_embedding(world.host.embeddings_dir / "artist-neg.pt").name == "artist-neg"


def test_convert_keeps_what_makes_it_a_pair(world: LibraryWorld) -> None:
    world.done("convert", file="cat.pt", file_format="safetensors", replace=True)
    converted = read_embedding(world.host.embeddings_dir / "cat.safetensors")
    assert dict(converted.notes) == POSITIVE["notes"]
    answer = world.done("delete", file="cat.safetensors")
    assert answer["message"] == "cat and cat-neg are in the trash."


def test_a_picture_that_carries_both_gives_both(world: LibraryWorld) -> None:
    picture = world.folder / "both.png"
    halves = [Embedding(vectors={"*": torch.full((n, 16), float(n))}, name="hero", step=9) for n in (2, 4)]
    write_embedding(halves[0], picture, partner=halves[1])
    assert "ends with -neg" in world.refused("extract", source=str(picture), name="hero-neg")[1]
    answer = world.done("extract", source=str(picture))
    assert answer["message"] == "Added hero: 2 vectors, and hero-neg for the negative prompt: 4."
    folder = world.host.embeddings_dir
    positive, negative = read_embedding(folder / "hero.pt"), read_embedding(folder / "hero-neg.pt")
    assert (positive.notes["partner"], negative.notes["partner"]) == ("hero-neg", "hero")
    assert (negative.count, negative.name, negative.step) == (4, "hero-neg", 9)
    world.undo(answer)
    assert world.files == BOTH
    world.add("other-neg.pt")
    refused = world.refused("extract", source=str(picture), name="other")[1]
    assert "'other-neg' is taken" in refused
