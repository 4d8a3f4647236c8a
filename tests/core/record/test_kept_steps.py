"""name@step in prompts: what it is, and which file it means."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.record.kept_steps import StepCopies, find_references, has_step, read_copy, with_replaced

_NAMES = {"thing", "my thing", "a.b-c", "thing-neg", "old@12"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thing@150", ["thing@150"]),
        ("thing@150 and thing@1500, too", ["thing@150", "thing@1500"]),
        ("(Thing@1500:1.2) in [rain:THING@5:0.5]", ["thing@1500", "thing@5"]),
        ("my thing@7", ["my thing@7"]),
        ("not-thing@7", ["thing@7"]),
        ("thing-neg@7.", ["thing-neg@7"]),
        ("a.b-c@0150", ["a.b-c@150"]),
        ("old@12@500", ["old@12@500"]),
        ("thing@5\nthing@6", ["thing@5", "thing@6"]),
        ("something@5", []),
        ("thing @5", []),
        ("thing@5th", []),
        ("thing@5.5", []),
        ("thing@5@6", []),
        ("thing@-5", []),
        ("thing@", []),
        ("@5", []),
        ("me@123", []),
        ("thing@1234567890", []),
        ("thing@٣", []),
    ],
)
def test_references(text: str, expected: list[str]) -> None:
    assert [reference.written for reference in find_references(text, _NAMES)] == expected


def test_the_name_as_it_is_written_wins_over_one_in_other_letters() -> None:
    for name in ("Cat", "cat", "CAT"):
        assert find_references(f"a {name}@5", ["cat", "Cat", "CAT"])[0].name == name


def test_replaced_text_keeps_everything_else() -> None:
    text = "(thing@150:1.2), a THING@1500-like"
    references = find_references(text, _NAMES)
    assert with_replaced(text, references, ["one", "two"]) == "( one :1.2), a  two -like"
    assert with_replaced("plain", [], []) == "plain"


@given(st.text(alphabet="ab@15 .,()[]:\\|İßA", max_size=30))
def test_any_text_is_read(text: str) -> None:
    names = ["a", "ab", "İ", "b a"]
    references = find_references(text, names)
    assert not references or has_step(text)
    for reference in references:
        assert text[reference.start : reference.end].lower().startswith(reference.name.lower() + "@")
    assert with_replaced(text, references, ["x"] * len(references)).count(" x ") >= len(references)


def _run(log: Path, folder: str, name: str, steps: list[int], *, age: int) -> Path:
    root = log / folder
    (root / "embeddings").mkdir(parents=True)
    (root / "run.json").write_text(json.dumps({"config": {"name": name}}), encoding="utf-8")
    (root / "resume.safetensors").write_bytes(b"")
    for path in (root / "run.json", root / "resume.safetensors"):
        os.utime(path, (10_000 - age, 10_000 - age))
    for step in steps:
        (root / "embeddings" / f"{name}-{step}.pt").write_bytes(b"")
    return root


def test_the_newest_run_that_kept_the_step(tmp_path: Path) -> None:
    log, other = tmp_path / "log", tmp_path / "other"
    old = _run(log, "2024-01-01/thing", "thing", [100, 150], age=30)
    new = _run(log, "2024-01-02/thing", "thing", [100, 1500], age=20)
    _run(other, "2024-01-02/thing2", "thing2", [1], age=10)
    copies = StepCopies(lambda: [log, other, tmp_path / "none"])
    assert copies.names() == {"thing", "thing2", "thing-neg", "thing2-neg"}
    assert copies.find("thing", 100) == new / "embeddings" / "thing-100.pt"
    assert copies.find("THING", 1500) == new / "embeddings" / "thing-1500.pt"
    assert copies.find("thing", 150) == old / "embeddings" / "thing-150.pt"
    assert copies.find("thing", 15) is None
    assert copies.steps("thing") == [100, 150, 1500]
    newest = _run(log, "2024-01-03/thing", "thing", [100], age=0)
    assert copies.find("thing", 100) == newest / "embeddings" / "thing-100.pt"


def test_a_pairs_negative_half_and_a_picture_that_carries_a_step(tmp_path: Path) -> None:
    root = _run(tmp_path, "2024-01-01/thing", "thing", [100], age=10)
    negative = root / "embeddings" / "thing-100-neg.pt"
    negative.write_bytes(b"")
    carrier = root / "image_embeddings" / "thing-50.png"
    carrier.parent.mkdir()
    carrier.write_bytes(b"")
    copies = StepCopies(lambda: [tmp_path])
    assert copies.find("thing-neg", 100) == negative
    assert copies.find("Thing-Neg", 100) == negative
    assert copies.find("thing-neg", 50) == carrier
    assert copies.find("thing-neg", 51) is None
    assert copies.find("thing", 50) == carrier
    alone = _run(tmp_path, "2024-01-02/thing-neg", "thing-neg", [100], age=0)
    assert copies.find("thing-neg", 100) == alone / "embeddings" / "thing-neg-100.pt"


def test_of_a_picture_that_carries_a_pair_the_half_that_is_meant_is_read(tmp_path: Path) -> None:
    halves = [Embedding(vectors={"*": torch.full((rows, 16), float(rows))}, step=50) for rows in (2, 3)]
    both, alone = tmp_path / "thing-50.png", tmp_path / "other-50.png"
    write_embedding(halves[0], both, partner=halves[1])
    write_embedding(halves[0], alone)
    assert read_copy(both, "Thing").count == 2
    assert read_copy(both, "THING-neg").count == 3
    with pytest.raises(InputError, match=r"other-50.png carries no other-neg, so it was read as words"):
        read_copy(alone, "other-neg")
    own = alone.rename(tmp_path / "bad-neg-50.png")  # a negative embedding that was trained alone
    assert read_copy(own, "bad-neg").count == 2


def test_what_is_missing_is_told_with_what_there_is(tmp_path: Path) -> None:
    _run(tmp_path, "2024-01-01/thing", "thing", [100, 200], age=0)
    _run(tmp_path, "2024-01-01/many", "many", list(range(0, 1000, 10)), age=0)
    _run(tmp_path, "2024-01-01/none", "none", [], age=0)
    copies = StepCopies(lambda: [tmp_path])
    assert copies.missing("thing", 7).message == (
        "thing@7: no copy of step 7 was found, so it was read as words. There are 100, 200."
    )
    assert copies.missing("many", 455).message.endswith("There are 420, 430, 440, 450, 460, 470, 480, 490, ….")
    assert copies.missing("none", 5).message.endswith(
        "No run of it kept any; set 'Save a copy of embedding … every N steps' above 0."
    )


def test_a_folder_that_is_no_run_is_passed_over_until_it_is_one(tmp_path: Path) -> None:
    root = _run(tmp_path, "2024-01-01/thing", "thing", [5], age=0)
    (root / "run.json").write_text("{")
    copies = StepCopies(lambda: [tmp_path])
    assert copies.names() == set()
    (root / "run.json").write_text(json.dumps({"config": {"name": "thing"}}))
    assert copies.find("thing", 5)
