"""Pairs as files: found by their notes or by their names, renamed together; and as words of prompts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.card_file import read_user_metadata, update_user_metadata
from textual_inversion.core.embeddings_folder.pair_files import Pair, pair_of, partners_by_name
from textual_inversion.core.embeddings_folder.pair_prompts import with_partners
from textual_inversion.core.embeddings_folder.rename import rename_with_partner
from textual_inversion.core.formats import read_embedding, write_embedding


def add(folder: Path, file: str, **notes: str) -> Path:
    path = folder / file
    rows = torch.full((2, 16), float(len(path.stem) + sum(map(ord, path.stem)) % 97))
    write_embedding(Embedding(vectors={"*": rows}, name=path.stem, step=5, notes=notes), path)
    return path


def made_pair(folder: Path, ending: str = ".pt") -> Pair:
    positive = add(folder, f"hero{ending}", pair="positive", partner="hero-neg", guidance_scale="3")
    negative = add(folder, f"hero-neg{ending}", pair="negative", partner="hero", guidance_scale="3")
    update_user_metadata(positive, partner="hero-neg", notes="mine")
    return Pair(positive, negative)


def test_found_from_either_half(tmp_path: Path) -> None:
    pair = made_pair(tmp_path)
    assert pair_of(pair.positive) == pair_of(pair.negative) == pair


def test_files_without_notes_are_a_pair_by_their_names(tmp_path: Path) -> None:
    positive, negative = add(tmp_path, "hero.pt"), add(tmp_path, "hero-neg.bin")
    assert pair_of(positive) == pair_of(negative) == Pair(positive, negative)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"pair": "positive", "partner": "other"}, {}),
        ({"pair": "positive", "partner": "../hero-neg"}, {}),
        ({}, {"pair": "positive"}),
        ({}, {"pair": "negative", "partner": "another"}),
    ],
)
def test_what_says_otherwise_is_no_pair(tmp_path: Path, mine: dict[str, str], theirs: dict[str, str]) -> None:
    positive = add(tmp_path, "hero.pt", **mine)
    add(tmp_path, "hero-neg.pt", **theirs)
    assert pair_of(positive) is None


def test_alone_it_is_no_pair(tmp_path: Path) -> None:
    assert pair_of(add(tmp_path, "hero-neg.pt")) is None
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    assert pair_of(tmp_path / "broken.pt") is None


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_both_halves_are_renamed_and_name_each_other(tmp_path: Path, ending: str) -> None:
    pair = made_pair(tmp_path, ending)
    new, other = rename_with_partner(pair.positive, "villain")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"villain-neg{ending}", "villain.json", f"villain{ending}",
    ]  # fmt: skip
    for path, partner in ((new, "villain-neg"), (other, "villain")):
        embedding = read_embedding(path)
        assert (embedding.name, embedding.notes["partner"]) == (path.stem, partner)
        assert embedding.notes["guidance_scale"] == "3"
    card = read_user_metadata(new)
    assert (card.partner, card.notes) == ("villain-neg", "mine")
    assert pair_of(new) == Pair(new, other)


def test_what_stands_in_the_way_of_one_half_keeps_both(tmp_path: Path) -> None:
    pair = made_pair(tmp_path)
    for blocking in ("villain.pt", "villain-neg.pt"):
        add(tmp_path, blocking)
        before = sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(InputError, match="There is a file called"):
            rename_with_partner(pair.positive, "villain")
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        (tmp_path / blocking).unlink()
    assert read_embedding(pair.negative).notes["partner"] == "hero"


def test_the_negative_half_follows(tmp_path: Path) -> None:
    pair = made_pair(tmp_path)
    with pytest.raises(InputError, match="hero-neg is the negative half of the pair hero. Rename hero: both halves"):
        rename_with_partner(pair.negative, "villain")
    with pytest.raises(InputError, match="ends with -neg"):
        rename_with_partner(pair.positive, "villain-neg")


PARTNERS = partners_by_name({"hero", "hero-neg", "Sea", "Sea-neg", "bad-neg", "cat"})


def test_partners_by_name() -> None:
    assert PARTNERS == {"hero": "hero-neg", "Sea": "Sea-neg"}


@pytest.mark.parametrize(
    ("prompt", "negative", "wanted"),
    [
        ("a photo of hero", "", "hero-neg"),
        ("a photo of (Hero:1.2), sea", "blurry", "hero-neg, Sea-neg, blurry"),
        ("hero and hero", "  ", "hero-neg"),
        ("hero", "blurry, (hero-neg:0.5)", "blurry, (hero-neg:0.5)"),
        ("hero", "HERO-NEG", "HERO-NEG"),
        ("hero@1500", "blurry", "hero-neg@1500, blurry"),
        ("hero@1500", "hero-neg@1000", "hero-neg@1000"),
        ("heroes, superhero, hero-neg, cat", "", ""),
        ("[hero:sea:0.5]", "", "hero-neg, Sea-neg"),
    ],
)
def test_partners_in_the_negative_prompt(prompt: str, negative: str, wanted: str) -> None:
    assert with_partners(prompt, negative, PARTNERS) == wanted
