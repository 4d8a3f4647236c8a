"""What a run leaves on the card of its embedding."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
import torch
from engine_world import World
from PIL import Image

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.card_file import (
    SECTION,
    UserMetadata,
    metadata_path,
    read_user_metadata,
    update_user_metadata,
)
from textual_inversion.core.record.card import picture_of, write_card
from textual_inversion.core.record.events import Saved, Warned
from textual_inversion.core.record.run_folder import RunDirectory

_DAY = datetime.date(2024, 5, 6)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path / "log" / "thing", "thing")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "embeddings").mkdir()
    return tmp_path / "embeddings" / "thing.pt"


def _embedding(**about: object) -> Embedding:
    return Embedding(**{"vectors": {"*": torch.zeros(2, 4)}, "step": 20, "checkpoint_name": "demo", **about})


def _preview(run: RunDirectory, step: int, index: int = 0) -> Path:
    path = run.image(step, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (step, index, 0)).save(path)
    return path


def test_texts(run: RunDirectory, path: Path) -> None:
    for step in (10, 20):
        run.copy(step, ".pt").parent.mkdir(parents=True, exist_ok=True)
        run.copy(step, ".pt").write_bytes(b"")
    write_card(run, path, _embedding(), today=_DAY)
    found = read_user_metadata(path)
    assert found.description == "step 20, 2 vectors, demo"
    assert found.notes == (
        "Trained to step 20 on demo, 2 vectors, 2024-05-06.\n"
        "Saved steps: 10, 20. Write thing@20 in a prompt to use one."
    )
    assert json.loads(metadata_path(path).read_text())[SECTION]["step"] == 20


_POSITIVE = {"pair": "positive", "partner": "thing-neg", "guidance_scale": "3.5"}
_NEGATIVE = {"pair": "negative", "partner": "thing", "guidance_scale": "3.5"}


def _written(run: RunDirectory, path: Path, notes: dict[str, str]) -> UserMetadata:
    assert write_card(run, path, _embedding(notes=notes), today=_DAY).warnings == ()
    return read_user_metadata(path)


def test_the_positive_half_of_a_pair_knows_the_other_and_its_scale(run: RunDirectory, path: Path) -> None:
    found = _written(run, path, _POSITIVE)
    assert (found.partner, found.guidance_scale, found.negative) == ("thing-neg", 3.5, False)
    assert "Its pair thing-neg belongs into the negative prompt." in found.notes


def test_the_negative_half_of_a_pair_is_for_the_negative_prompt(run: RunDirectory, path: Path) -> None:
    found = _written(run, path, _NEGATIVE)
    assert found.negative
    assert (found.partner, found.guidance_scale) == ("", None)


def test_a_range_of_scales_is_its_mean_on_the_card(run: RunDirectory, path: Path) -> None:
    assert _written(run, path, {**_POSITIVE, "guidance_scale": "1-5"}).guidance_scale == 3.0


def test_a_pair_that_does_not_tell_its_scale_leaves_it_out(run: RunDirectory, path: Path) -> None:
    _written(run, path, {"pair": "positive", "partner": "thing-neg"})
    assert "guidance_scale" not in json.loads(metadata_path(path).read_text())[SECTION]


def test_a_later_run_tells_its_own_partner_and_scale(run: RunDirectory, path: Path) -> None:
    _written(run, path, _POSITIVE)
    found = _written(run, path, {**_POSITIVE, "partner": "other-neg", "guidance_scale": "5"})
    assert (found.partner, found.guidance_scale) == ("other-neg", 5.0)


@pytest.mark.parametrize("first", [True, False], ids=["before the first run", "after it"])
def test_a_later_run_leaves_what_a_person_chose(run: RunDirectory, path: Path, first: bool) -> None:
    if not first:
        _written(run, path, _POSITIVE)
    update_user_metadata(path, partner="mine-neg", guidance_scale=7.0)
    for scale in ("5", "6"):
        found = _written(run, path, {**_POSITIVE, "guidance_scale": scale})
        assert (found.partner, found.guidance_scale) == ("mine-neg", 7.0)


def test_a_person_may_take_a_negative_half_into_the_prompt(run: RunDirectory, path: Path) -> None:
    _written(run, path, _NEGATIVE)
    update_user_metadata(path, negative=False)
    assert not _written(run, path, _NEGATIVE).negative


@pytest.mark.parametrize("scale", ["", "often", "1", "999"])
def test_a_scale_that_makes_no_sense_is_left_out(run: RunDirectory, path: Path, scale: str) -> None:
    found = _written(run, path, {**_POSITIVE, "guidance_scale": scale})
    assert (found.partner, found.guidance_scale) == ("thing-neg", None)


def test_a_checkpoints_name_is_no_markup(run: RunDirectory, path: Path) -> None:
    write_card(run, path, _embedding(checkpoint_name="<img src=x onerror=alert(1)>"), today=_DAY)
    assert "<" not in metadata_path(path).read_text()


def test_the_picture_is_the_one_of_the_step_or_the_newest(run: RunDirectory) -> None:
    assert picture_of(run, 20) is None
    ten, thirty = _preview(run, 10), _preview(run, 30)
    _preview(run, 40, index=1)
    assert picture_of(run, 10) == ten
    assert picture_of(run, 20) == thirty


def test_what_cannot_be_written_is_a_warning(run: RunDirectory, path: Path) -> None:
    metadata_path(path).write_text("[]")
    preview = _preview(run, 20)
    preview.write_bytes(b"no picture")
    card = write_card(run, path, _embedding())
    assert card.files == ()
    assert "thing.json cannot be read" in card.warnings[0]
    assert "has no new picture" in card.warnings[1]
    assert metadata_path(path).read_text() == "[]"


def test_a_run_tells_of_its_card(world: World) -> None:
    world.create()
    finished = world.train(world.config(steps=4, save_every=2, image_every=2))
    cards = [Path(event.path) for event in world.of(Saved) if event.what == "card"]
    assert [card.name for card in cards] == ["thing.json", "thing.preview.png"]
    assert set(map(str, cards)) <= set(finished.files)
    assert read_user_metadata(Path(finished.embedding)).description.startswith("step 4, 2 vectors")


def test_a_card_that_cannot_be_written_does_not_fail_the_run(world: World) -> None:
    world.create()
    (world.host.embeddings_dir / "thing.json").write_text("mine")
    finished = world.train(world.config(steps=2))
    assert finished.outcome == "done"
    assert any("thing.json cannot be read" in event.message for event in world.of(Warned))
    assert (world.host.embeddings_dir / "thing.json").read_text() == "mine"
