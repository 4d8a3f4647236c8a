"""Pairs from their creation to their files: trained together, saved together, resumed, previewed."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_world import World, make_world, run_folder, vectors_of

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embeddings_folder.card_file import read_user_metadata
from textual_inversion.core.formats import read_embedding, read_partner
from textual_inversion.core.record.events import Previewed, Saved, Stepped, Warned

PAIR: dict[str, Any] = {"apt": True, "negative_vectors": 3}


@pytest.fixture
def pair(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.create(**PAIR)
    return world


def _halves(world: World) -> tuple[torch.Tensor, torch.Tensor]:
    folder = world.host.embeddings_dir
    return vectors_of(folder / "thing.pt"), vectors_of(folder / "thing-neg.pt")


def test_a_pair_is_two_files_that_name_each_other(pair: World) -> None:
    folder = pair.host.embeddings_dir
    positive, negative = read_embedding(folder / "thing.pt"), read_embedding(folder / "thing-neg.pt")
    assert (positive.count, negative.count) == (2, 3)
    assert (positive.notes["pair"], positive.notes["partner"]) == ("positive", "thing-neg")
    assert (negative.notes["pair"], negative.notes["partner"]) == ("negative", "thing")
    assert [path.name for path in pair.host.published] == ["thing.pt", "thing-neg.pt"]


def test_the_negative_half_begins_a_little_apart_from_its_words(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create(**PAIR, init_text="red", negative_init_text="blue")
    table = world.host.leased.encoders["clip_l"].table()
    word = table[world.host.leased.encoders["clip_l"].tokenize("blue")]
    away = _halves(world)[1] - word
    assert 0 < float(away.abs().max()) < 0.01
    assert len({tuple(row.tolist()) for row in away}) == 3


@pytest.mark.parametrize(
    ("options", "part", "field"),
    [
        ({"name": "thing-neg", **PAIR}, "ends with -neg", "name"),
        ({"name": "other", "apt": True, "negative_vectors": 0}, "0 negative vectors", "negative_vectors"),
        ({"name": "thing", **PAIR}, "'thing' already", "name"),
    ],
)
def test_bad_pairs_are_refused(pair: World, options: dict[str, Any], part: str, field: str) -> None:
    before = sorted(pair.host.embeddings_dir.iterdir())
    with pytest.raises(InputError) as caught:
        pair.create(**options)
    assert part in caught.value.message
    assert caught.value.field == field
    assert sorted(pair.host.embeddings_dir.iterdir()) == before


def test_both_halves_learn_and_are_saved_with_their_steps(pair: World) -> None:
    before = _halves(pair)
    finished = pair.train(pair.config(apt=True, guidance="1.5-3.0:cos", save_every=10))
    assert finished.outcome == "done", finished.message
    for old, new in zip(before, _halves(pair), strict=True):
        assert not torch.equal(old, new)
    for name, half in (("thing", "positive"), ("thing-neg", "negative")):
        embedding = read_embedding(pair.host.embeddings_dir / f"{name}.pt")
        assert (embedding.step, embedding.notes["pair"]) == (20, half)
        assert embedding.notes["guidance_scale"] == "1.5-3.0:cos"
    copies = sorted(path.name for path in (run_folder(pair).root / "embeddings").iterdir())
    assert copies == ["thing-10-neg.pt", "thing-10.pt", "thing-20-neg.pt", "thing-20.pt"]
    assert pair.of(Stepped)[0].negative_prompt.count("thing-neg") == 1
    assert {Path(event.path).name for event in pair.of(Saved) if event.what == "final"} == {"thing.pt", "thing-neg.pt"}


def test_the_cards_of_a_pair_know_where_they_belong(pair: World) -> None:
    pair.train(pair.config(apt=True))
    positive = read_user_metadata(pair.host.embeddings_dir / "thing.pt")
    negative = read_user_metadata(pair.host.embeddings_dir / "thing-neg.pt")
    assert (positive.partner, positive.guidance_scale, positive.negative) == ("thing-neg", 3.0, False)
    assert negative.negative


def test_the_prompts_of_the_negative_half(pair: World) -> None:
    (pair.folder / "templates" / "other.txt").write_text("rather like [name]\nonly [name], [filewords]\n")
    (pair.folder / "pictures" / "0.txt").write_text("a thing in red")
    plain = _prompts(pair)
    assert any("a thing in red" in text for text, _ in plain)
    for text, negative in plain:
        assert negative == text.replace("thing", "thing-neg")
    for text, negative in _prompts(pair, negative_filewords=False):
        assert negative in ("a photo of thing-neg", "thing-neg"), text
    for text, negative in _prompts(pair, negative_template="other.txt"):
        start = "rather like thing-neg" if text == "a photo of thing" else "only thing-neg, "
        assert negative.startswith(start)


def _prompts(world: World, **changes: Any) -> list[tuple[str, str]]:
    world.events.clear()
    world.create(**PAIR, overwrite=True)
    assert world.train(world.config(apt=True, **changes)).outcome == "done"
    return [(event.prompt, event.negative_prompt) for event in world.of(Stepped)]


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    options: dict[str, Any] = {"apt": True, "ema": 0.9, "negative_ema": 0.5, "negative_lr_weight": 2.0, "seed": 3}
    whole, parts = (make_world(tmp_path / name) for name in ("whole", "parts"))
    for world in (whole, parts):
        world.create(**PAIR)
    whole.train(whole.config(**options))
    parts.on_event = lambda event: parts.control.pause() if isinstance(event, Stepped) and event.step == 7 else None
    assert parts.train(parts.config(**options)).outcome == "paused"
    parts.on_event = lambda _: None
    assert parts.train(parts.config(**options), resume=run_folder(parts).root).outcome == "done"
    for one, other in zip(_halves(whole), _halves(parts), strict=True):
        assert torch.equal(one, other)


def test_a_copy_is_continued_with_both_halves(pair: World) -> None:
    pair.train(pair.config(apt=True, save_every=10))
    run = run_folder(pair)
    kept = read_embedding(run.negative_copies()[10])
    finished = pair.train(pair.config(apt=True, steps=11, learning_rate="1e-9"), resume=run.root, from_step=10)
    assert finished.outcome == "done", finished.message
    assert torch.allclose(_halves(pair)[1], kept.vectors["*"], atol=1e-6)


def test_the_rate_of_the_negative_half_keeps_its_weight_through_changes(pair: World) -> None:
    start = _halves(pair)
    pair.train(pair.config(apt=True, negative_lr_weight=0.01, learning_rate="0.01:10, 0.005", steps=20))
    moved = [float((new - old).abs().max()) for old, new in zip(start, _halves(pair), strict=True)]
    assert 0 < moved[1] < 0.02 * 0.15 < moved[0]


def test_each_half_is_clipped_for_itself(pair: World) -> None:
    finished = pair.train(pair.config(apt=True, clip_gradient="norm", clip_value="1", steps=5))
    assert finished.outcome == "done"


def test_previews_show_the_pair_at_its_scale(pair: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    picture = pair.host.leased.picture

    def noted(request: Any, *, embeddings: Any) -> Any:
        asked.append((request, set(embeddings)))
        return picture(request, embeddings=embeddings)

    monkeypatch.setattr(pair.host.leased, "picture", noted)
    pair.train(pair.config(apt=True, guidance="5", image_every=20, preview_negative_prompt="blurry"))
    request, names = asked[0]
    assert (request.negative_prompt, request.guidance_scale) == ("thing-neg, blurry", 5.0)
    assert names == {"thing", "thing-neg"}
    assert pair.of(Previewed)
    carrier = run_folder(pair).carrier(20)
    partner = read_partner(carrier)
    assert partner is not None
    assert torch.equal(read_embedding(carrier).vectors["*"], _halves(pair)[0])
    assert torch.equal(partner.vectors["*"], _halves(pair)[1])
    assert partner.name == "thing-neg"


def test_a_disk_that_fails_at_the_second_file_keeps_both_old_ones(pair: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _halves(pair)
    real = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if Path(target).name == "thing.pt" and ".tmp-" in self.name:
            raise OSError(errno.ENOSPC, "full")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    finished = pair.train(pair.config(apt=True))
    monkeypatch.undo()
    assert finished.outcome == "failed"
    assert "the disk is full" in finished.message
    for old, new in zip(before, _halves(pair), strict=True):
        assert torch.equal(old, new)
    assert not [path for path in pair.host.embeddings_dir.iterdir() if ".tmp-" in path.name]


def test_one_half_alone_is_not_trained_as_a_pair(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create()
    with pytest.raises(
        InputError, match=r"'thing' has no negative half.*with APT switched on in Create, or switch APT off"
    ) as caught:
        world.train(world.config(apt=True))
    assert caught.value.field == "apt"


def test_the_positive_half_trained_alone_is_warned_about(pair: World) -> None:
    negative = _halves(pair)[1]
    pair.train(pair.config())
    assert "trained without 'thing-neg'" in " ".join(event.message for event in pair.of(Warned))
    assert torch.equal(negative, _halves(pair)[1])


def test_a_pairs_run_is_resumed_as_one(pair: World) -> None:
    pair.train(pair.config(apt=True))
    with pytest.raises(InputError, match="Resume it with APT switched on"):
        pair.train(pair.config(steps=30), resume=run_folder(pair).root)


def test_sdxl_pairs_have_both_encoders(tmp_path: Path) -> None:
    world = make_world(tmp_path, encoders=("clip_l", "clip_g"))
    world.create(**PAIR)
    finished = world.train(world.config(apt=True))
    assert finished.outcome == "done", finished.message
    for name, rows in (("thing", 2), ("thing-neg", 3)):
        vectors = read_embedding(world.host.embeddings_dir / f"{name}.safetensors").vectors
        assert {key: each.shape[0] for key, each in vectors.items()} == {"clip_l": rows, "clip_g": rows}
