"""What stands beside an embedding for its card: ours is written, nobody else's is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.core.embeddings_folder.card_file import (
    SECTION,
    CardTexts,
    companions,
    metadata_path,
    read_user_metadata,
    update_user_metadata,
    write_card_texts,
)

_FIRST = CardTexts(description="100 steps", notes="Trained 100 steps.")
_SECOND = CardTexts(description="200 steps", notes="Trained 200 steps.")


@pytest.fixture
def embedding(tmp_path: Path) -> Path:
    path = tmp_path / "my.thing.pt"
    path.write_bytes(b"vectors")
    return path


def _put(embedding: Path, content: object) -> None:
    metadata_path(embedding).write_text(json.dumps(content), encoding="utf-8")


def _get(embedding: Path) -> dict[str, Any]:
    return json.loads(metadata_path(embedding).read_text(encoding="utf-8"))


def test_it_lies_where_web_uis_look(embedding: Path) -> None:
    assert metadata_path(embedding).name == "my.thing.json"
    update_user_metadata(embedding, description="d", notes="n", negative=True)
    assert _get(embedding) == {"description": "d", "notes": "n", SECTION: {"negative": True}}


def test_what_a_person_chose_is_read_again(embedding: Path) -> None:
    assert not read_user_metadata(embedding).negative
    update_user_metadata(embedding, negative=True, partner="my.thing-neg", guidance_scale=3.5)
    update_user_metadata(embedding, notes="n")
    found = read_user_metadata(embedding)
    assert (found.negative, found.partner, found.guidance_scale, found.notes) == (True, "my.thing-neg", 3.5, "n")
    assert not update_user_metadata(embedding, negative=False).negative


def test_keys_of_others_stay(embedding: Path) -> None:
    _put(embedding, {"sd version": "SD1", "activation text": "x", SECTION: {"of a later version": [1]}})
    update_user_metadata(embedding, negative=True)
    write_card_texts(embedding, _FIRST, facts={"step": 100})
    content = _get(embedding)
    assert (content["sd version"], content["activation text"]) == ("SD1", "x")
    assert content[SECTION]["of a later version"] == [1]
    assert content[SECTION]["step"] == 100
    assert content[SECTION]["negative"] is True


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"text"', "\ufeff{}", "[" * 100_000, "9" * 5000])
def test_a_file_that_is_none_is_left_alone(embedding: Path, text: str) -> None:
    path = metadata_path(embedding)
    path.write_text(text, encoding="utf-8")
    for attempt in (
        lambda: update_user_metadata(embedding, negative=True),
        lambda: write_card_texts(embedding, _FIRST, facts={}),
    ):
        with pytest.raises(FileFormatError, match="my.thing.json cannot be read .* left as it is"):
            attempt()
    assert path.read_text(encoding="utf-8") == text
    assert "left as it is" in read_user_metadata(embedding).problem


def test_values_of_other_kinds_are_nothing(embedding: Path) -> None:
    _put(embedding, {"description": 1, "notes": None, SECTION: {"negative": "yes", "guidance_scale": 10**400}})
    found = read_user_metadata(embedding)
    assert (found.description, found.notes, found.negative, found.guidance_scale) == ("", "", False, None)
    _put(embedding, {SECTION: [1]})
    assert update_user_metadata(embedding, negative=True).negative


def test_a_later_run_replaces_what_an_earlier_one_wrote(embedding: Path) -> None:
    write_card_texts(embedding, _FIRST, facts={})
    write_card_texts(embedding, _SECOND, facts={})
    assert (_get(embedding)["description"], _get(embedding)["notes"]) == ("200 steps", "Trained 200 steps.")


def test_a_persons_text_stays_around_ours(embedding: Path) -> None:
    _put(embedding, {"description": "My dog", "notes": "Use at 0.8."})
    write_card_texts(embedding, _FIRST, facts={})
    assert (_get(embedding)["description"], _get(embedding)["notes"]) == ("My dog", "Use at 0.8.\n\nTrained 100 steps.")
    update_user_metadata(embedding, notes="Before. Trained 100 steps. After.")
    write_card_texts(embedding, _SECOND, facts={})
    assert (_get(embedding)["description"], _get(embedding)["notes"]) == ("My dog", "Before. Trained 200 steps. After.")


def test_what_a_person_took_out_stays_out(embedding: Path) -> None:
    write_card_texts(embedding, _FIRST, facts={})
    update_user_metadata(embedding, description="", notes="mine")
    write_card_texts(embedding, _SECOND, facts={})
    assert (_get(embedding)["description"], _get(embedding)["notes"]) == ("", "mine")


def test_a_persons_choice_stands_over_a_runs_default(embedding: Path) -> None:
    write_card_texts(embedding, _FIRST, facts={}, defaults={"negative": True})
    assert read_user_metadata(embedding).negative
    update_user_metadata(embedding, negative=False)
    write_card_texts(embedding, _SECOND, facts={}, defaults={"negative": True})
    assert not read_user_metadata(embedding).negative


def test_a_default_of_an_earlier_run_is_no_choice(embedding: Path) -> None:
    write_card_texts(embedding, _FIRST, facts={}, defaults={"guidance_scale": 3.0})
    write_card_texts(embedding, _SECOND, facts={}, defaults={"guidance_scale": 5.0})
    assert read_user_metadata(embedding).guidance_scale == 5.0


def test_a_value_that_was_written_as_none_is_no_choice(embedding: Path) -> None:
    _put(embedding, {SECTION: {"guidance_scale": None}})
    write_card_texts(embedding, _FIRST, facts={}, defaults={"guidance_scale": 3.0})
    assert read_user_metadata(embedding).guidance_scale == 3.0


def test_a_description_in_a_file_of_its_own_is_not_hidden(embedding: Path) -> None:
    embedding.with_name("my.thing.txt").write_text("mine")
    write_card_texts(embedding, _FIRST, facts={})
    assert "description" not in _get(embedding)
    assert _get(embedding)["notes"] == _FIRST.notes


@given(
    description=st.text(max_size=20),
    notes=st.text(max_size=20),
    other=st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=4),
)
def test_nothing_of_a_person_is_lost(
    tmp_path_factory: pytest.TempPathFactory, description: str, notes: str, other: object
) -> None:
    embedding = tmp_path_factory.mktemp("any") / "x.pt"
    _put(embedding, {"description": description, "notes": notes, "other": other})
    write_card_texts(embedding, _FIRST, facts={})
    write_card_texts(embedding, _SECOND, facts={})
    content = _get(embedding)
    assert content["other"] == other
    assert notes.rstrip() in content["notes"]
    assert content["description"] == (description or _SECOND.description)


def test_companions_are_the_files_of_its_card(embedding: Path) -> None:
    names = {"my.thing.json", "my.thing.preview.png", "my.thing.txt", "my.thing.jpg"}
    for name in {*names, "my.json", "my.thing2.json", "my.thing.png.bak"}:
        embedding.with_name(name).write_bytes(b"")
    assert {path.name for path in companions(embedding)} == names
    picture = embedding.with_name("my.thing.png")
    picture.write_bytes(b"")
    assert picture not in companions(picture)
